import { expect, test } from 'vitest';
import { FollowedService } from '../../src/discovery/followed-service.ts';
import type { View } from '../../src/discovery/registry.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { createScope, instanceOf } from './setup.ts';

function setup() {
  const clock = new ManualClock();
  const scope = createScope(clock);
  const followed = new FollowedService('players', scope);
  const views: View[] = [];
  followed.listen((view) => views.push(view));
  const list = (...ids: string[]) =>
    followed.apply({
      kind: 'snapshot',
      at: { epoch: 'e', revision: 0 },
      instances: ids.map((id) => instanceOf({ id })),
    });
  return { clock, scope, followed, views, list, settle: () => clock.advance(0) };
}

test('a burst of changes is seen at once and told once', async () => {
  const { followed, views, list, scope, settle } = setup();
  list('a', 'b');
  followed.apply({ kind: 'left', id: 'a', generation: 1 });
  followed.apply({ kind: 'joined', instance: instanceOf({ id: 'c' }) });
  expect(followed.view.instances.map(({ id }) => id)).toEqual(['b', 'c']);
  expect(views).toEqual([]);
  await settle();
  expect(views).toEqual([followed.view]);
  expect(scope.seen('view')).toEqual([{ service: 'players', known: 2, joined: ['b', 'c'], left: [] }]);
});

test('what changes nothing is not told, and still says how fresh the view is', async () => {
  const { clock, followed, views, list, settle, scope } = setup();
  list('a');
  await settle();
  await clock.advance(1_000);
  list('a');
  await settle();
  expect(views.length).toBe(1);
  expect(followed.view).toEqual({ ...views[0], asOf: clock.now() });
  followed.apply({ kind: 'snapshot', at: { epoch: 'another', revision: 0 }, instances: [instanceOf({ id: 'a' })] });
  await settle();
  expect(views.length).toBe(1);
  followed.apply({ kind: 'lost', reason: 'refused' });
  await settle();
  expect(views.at(-1)).toMatchObject({ state: 'stale', reason: 'refused' });
  expect(scope.seen('view').length).toBe(1);
});

test('a suspect goes after its grace, and then no timer is left', async () => {
  const { clock, views, list, scope } = setup();
  list('a', 'b');
  list('a');
  await clock.advance(29_999);
  expect(views.at(-1)?.instances.length).toBe(2);
  expect(clock.pending).toBe(1);
  await clock.advance(1);
  expect(views.at(-1)?.instances.map(({ id }) => id)).toEqual(['a']);
  expect(scope.seen('view').at(-1)).toEqual({ service: 'players', known: 1, joined: [], left: ['b'] });
  expect(clock.pending).toBe(0);
});

test('F16: before a suspect goes, those who call it are asked whether it answered', async () => {
  const { clock, followed, views, list } = setup();
  const answered = new Map([['b', 0]]);
  const stop = followed.listen(() => {}, { answeredAt: (id) => answered.get(id) ?? Number.NEGATIVE_INFINITY });
  list('a', 'b', 'c');
  list('a');
  answered.set('b', clock.now() + 20_000);
  await clock.advance(30_000);
  expect(views.at(-1)?.instances.map(({ id }) => id)).toEqual(['a', 'b']);
  stop();
  answered.set('b', clock.now());
  await clock.advance(20_000);
  expect(views.at(-1)?.instances.map(({ id }) => id)).toEqual(['a']);
  expect(clock.pending).toBe(0);
});

test('F6: that many are in doubt together is said once, and again when it happens again', async () => {
  const { list, scope, settle } = setup();
  const doubts = () => scope.seen('doubt').map(({ known, suspects }) => `${suspects} of ${known}`);
  list('a', 'b', 'c');
  await settle();
  list('a', 'b');
  await settle();
  expect(doubts()).toEqual([]);
  list('a');
  list();
  await settle();
  list();
  await settle();
  expect(doubts()).toEqual(['3 of 3']);
  list('a', 'b', 'c');
  await settle();
  list();
  await settle();
  expect(doubts()).toEqual(['3 of 3', '3 of 3']);
});

test('a suspect that is alone waits without a timer', async () => {
  const { clock, followed, list, settle } = setup();
  list('a');
  list();
  await settle();
  expect(clock.pending).toBe(0);
  await clock.advance(1_000_000);
  expect(followed.view.instances.length).toBe(1);
});

test('close ends the timer and the telling; the last view stays', async () => {
  const { clock, followed, views, list, settle } = setup();
  list('a', 'b');
  list('a');
  await settle();
  followed.close();
  list('c');
  await clock.advance(100_000);
  expect(clock.pending).toBe(0);
  expect(views.length).toBe(1);
  expect(followed.view.instances.length).toBe(2);
});
