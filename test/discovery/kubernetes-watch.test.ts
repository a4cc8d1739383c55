import { expect, test } from 'vitest';
import { sliceOf } from '../support/kubernetes-server.ts';
import { ids, pod, setup, shows } from './kubernetes-setup.ts';
import { eventually } from './setup.ts';

test('what changes is told by the watch, wherever its pieces end, be it within a character', async () => {
  const { server, follow } = await setup();
  const watch = await follow();
  const object = sliceOf('a', [pod(1, { zone: 'zürich-€-𝄞' })]);
  const line = Buffer.from(
    `\n${JSON.stringify({ type: 'ADDED', object: { ...object, metadata: { ...object.metadata, resourceVersion: '200' } } })}\n`,
  );
  for (const byte of line) {
    server.say(Buffer.from([byte]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await shows(watch, 'p1.uid-of-p1');
  expect(watch.view.instances[0]?.attributes['zone']).toBe('zürich-€-𝄞');
});

test('a watch goes on from the last version that it heard of, bookmarks included, and nothing is listed again', async () => {
  const { server, moving, follow } = await setup();
  server.put(sliceOf('a', [pod(1)]));
  const watch = await follow();
  server.put(sliceOf('a', [pod(1), pod(2)]));
  await shows(watch, 'p1.uid-of-p1 p2.uid-of-p2');
  server.bookmark();
  server.endWatches();
  await moving(10, () => server.watches.length === 2 && server.watching === 1);
  expect(server.watches.map(({ query }) => query.get('resourceVersion'))).toEqual(['101', '103']);
  expect(server.watches[0]?.query.get('allowWatchBookmarks')).toBe('true');
  server.breakWatches();
  server.put(sliceOf('b', [pod(3)]));
  await moving(10, () => ids(watch) === 'p1.uid-of-p1 p2.uid-of-p2 p3.uid-of-p3');
  expect(server.lists.length).toBe(1);
  expect(watch.view.state).toBe('current');
});

test('a bookmark, which tells of nothing new, confirms what is known', async () => {
  const { server, clock, follow } = await setup();
  const watch = await follow();
  await clock.advance(30_000);
  server.bookmark();
  await eventually(() => watch.view.asOf === clock.now());
  expect(watch.view.state).toBe('current');
});

test('F25: watches that are broken off together are opened anew at different times', async () => {
  const { server, clock, registry, moving } = await setup();
  for (let n = 0; n < 30; n++) registry.watch(`s${n}`, () => {});
  await eventually(() => server.watching === 30);
  const { length } = server.asked;
  const started = clock.now();
  server.breakWatches();
  await moving(10, () => server.asked.length === length + 30);
  expect(clock.now() - started).toBeGreaterThan(1_000);
});

test.each(['that ended', 'that told of something'])(
  'F13: after a watch %s a failure is the first of its kind, and soon tried again',
  async (told) => {
    const { server, clock, moving, follow } = await setup();
    const watch = await follow();
    let lostMs = 0;
    for (let n = 0; n < 12; n++) {
      await clock.advance(60_000);
      if (told === 'that ended') {
        server.refuse(500);
        server.endWatches();
      } else {
        const before = watch.view.asOf;
        server.bookmark();
        await eventually(() => watch.view.asOf > before);
        server.refuse(500);
        server.breakWatches();
      }
      await moving(100, () => watch.view.state === 'stale');
      const started = clock.now();
      await moving(100, () => watch.view.state === 'current' && server.watching === 1);
      lostMs += clock.now() - started;
    }
    // A wait has at most 5.1 s then. They would have 13 s on average, were they to grow.
    expect(lostMs).toBeLessThanOrEqual(12 * 5_300);
  },
);

test('watches of many processes end at different times', async () => {
  const { server, registry } = await setup();
  for (let n = 0; n < 20; n++) registry.watch(`s${n}`, () => {});
  await eventually(() => server.watching === 20);
  const seconds = server.watches.map(({ query }) => Number(query.get('timeoutSeconds')));
  expect(Math.min(...seconds)).toBeGreaterThanOrEqual(192);
  expect(Math.max(...seconds)).toBeLessThanOrEqual(288);
  expect(new Set(seconds).size).toBeGreaterThan(5);
});

test.each(['status', 'event'] as const)(
  'F21: a version that the server has forgotten is listed anew (told by %s), and who is not listed any more is in doubt',
  async (gone) => {
    const { server, scope, clock, moving, follow } = await setup();
    server.gone = gone;
    server.put(sliceOf('a', [pod(1)]), sliceOf('b', [pod(2)]));
    const watch = await follow();
    server.breakWatches();
    server.lose('a');
    server.forget();
    await moving(10, () => watch.view.suspects.size === 1);
    expect(ids(watch)).toBe('p1.uid-of-p1 p2.uid-of-p2');
    expect([...watch.view.suspects]).toEqual(['p1.uid-of-p1']);
    expect(server.lists.length).toBe(2);
    expect(scope.seen('registry').map(({ state }) => state)).toEqual(['connected']);
    await eventually(() => server.watching === 1);
    await clock.advance(31_000);
    expect(ids(watch)).toBe('p2.uid-of-p2');
  },
);

test('a slice that cannot be read any more leaves what was known of it, in a change and in a list', async () => {
  const { server, scope, moving, follow } = await setup();
  server.put(sliceOf('a', [pod(1)]), sliceOf('b', [pod(2)]));
  const watch = await follow();
  server.put(sliceOf('a', [pod(1)], { ports: [] }));
  await eventually(() => scope.seen('rejected').length === 1);
  server.forget();
  server.breakWatches();
  await moving(10, () => server.lists.length === 2 && server.watching === 1);
  expect(ids(watch)).toBe('p1.uid-of-p1 p2.uid-of-p2');
  expect(watch.view.suspects.size).toBe(0);
});

test('F5: a server that was set back to an earlier state, and is silent on a version that it has not reached, is listed anew', async () => {
  const { server, clock, moving, follow } = await setup();
  for (let n = 0; n < 9; n++) server.put(sliceOf('a', [pod(1)]));
  const watch = await follow();
  server.rewind(101);
  server.put(sliceOf('b', [pod(2)]));
  await moving(10, () => server.watching === 1);
  const asked = server.watches.at(-1)?.query;
  expect(asked?.get('resourceVersion')).toBe('109');
  server.bookmark();
  await clock.advance(Number(asked?.get('timeoutSeconds')) * 1_000);
  expect(ids(watch)).toBe('p1.uid-of-p1');
  server.endWatches();
  await moving(10, () => ids(watch) === 'p1.uid-of-p1 p2.uid-of-p2');
  expect(server.lists.length).toBe(2);
});

test('a watch that was silent for a moment only, or told of something, is no reason to list anew', async () => {
  const { server, clock, moving, follow } = await setup();
  await follow();
  server.endWatches();
  await moving(10, () => server.watches.length === 2 && server.watching === 1);
  await clock.advance(180_000);
  server.bookmark();
  server.endWatches();
  await moving(10, () => server.watches.length === 3 && server.watching === 1);
  expect(server.lists.length).toBe(1);
});

test('F6: slices that are deleted, all of them, and lists that are empty never empty a set by themselves', async () => {
  const { server, clock, moving, follow } = await setup();
  server.put(sliceOf('a', [pod(1), pod(2)]), sliceOf('b', [pod(3)]));
  const watch = await follow();
  server.delete('a');
  server.delete('b');
  await eventually(() => watch.view.suspects.size === 3);
  server.forget();
  server.breakWatches();
  await moving(10, () => server.lists.length === 2 && server.watching === 1);
  await clock.advance(120_000);
  expect(ids(watch)).toBe('p1.uid-of-p1 p2.uid-of-p2 p3.uid-of-p3');
  watch.failed('p1.uid-of-p1');
  expect(ids(watch)).toBe('p2.uid-of-p2 p3.uid-of-p3');
});

test('F8: a server that ends each watch at once, or finds each version too old, is not asked in a hurry', async () => {
  const { server, clock, scope, moving, follow } = await setup();
  const watch = await follow();
  const { length } = server.asked;
  const started = clock.now();
  await moving(500, () => {
    server.endWatches();
    server.forget();
    return clock.now() - started >= 60_000;
  });
  // 12 rounds and 4 of the burst, each of a list and a watch.
  expect(server.asked.length - length).toBeLessThanOrEqual(34);
  expect(server.asked.length - length).toBeGreaterThan(10);
  expect(watch.view.state).toBe('current');
  expect(scope.seen('registry').length).toBe(1);
});

test('F9: a watch that died unnoticed is opened anew when it should have ended, and the server is lost when it does not answer', async () => {
  const { server, clock, scope, moving, follow } = await setup();
  server.put(sliceOf('a', [pod(1)]));
  const watch = await follow();
  server.frozen = true;
  server.put(sliceOf('a', [pod(1), pod(2)]));
  const seconds = Number(server.watches[0]?.query.get('timeoutSeconds'));
  await clock.advance(seconds * 1_000 + 9_000);
  expect(server.watches.length).toBe(1);
  await moving(100, () => server.watches.length === 2);
  expect(watch.view.state).toBe('current');
  await moving(500, () => watch.view.state === 'stale');
  expect(watch.view.reason).toBe('no answer within 10000 ms');
  expect(ids(watch)).toBe('p1.uid-of-p1');
  server.frozen = false;
  await moving(500, () => ids(watch) === 'p1.uid-of-p1 p2.uid-of-p2');
  expect(scope.seen('registry').map(({ state }) => state)).toEqual(['connected', 'lost', 'connected']);
});
