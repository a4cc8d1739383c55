import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ConnectError } from '../../src/core/errors.ts';
import { harness, settled } from '../support/harness.ts';

// opossum sets its own timer for the next probe and takes no clock; the rest of the time here is the manual clock's.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

type Harness = ReturnType<typeof harness>;

async function pass({ clock }: Harness, ms: number): Promise<void> {
  await clock.advance(ms);
  vi.advanceTimersByTime(ms);
}

/** A service whose breaker waits for its probe. */
async function halfOpen(options: Parameters<typeof harness>[0] = {}): Promise<Harness> {
  const all = harness({ endpoints: 1, retry: false, health: false, ...options });
  for (let i = 0; i < 20; i++) {
    const reply = all.call();
    all.peer.next().reply({ status: 500 });
    await reply;
  }
  await pass(all, 1_000);
  expect(all.target.breaker?.state).toBe('half-open');
  return all;
}

const codesOf = async (replies: readonly Promise<unknown>[]) =>
  (await Promise.allSettled(replies)).map((one) => (one.status === 'fulfilled' ? 'answered' : one.reason.code));

test('F81: of a thousand concurrent calls one is the probe, and the others fail at once', async () => {
  const all = await halfOpen();
  const replies = Array.from({ length: 1_000 }, () => all.call());
  await settled();
  expect(all.peer.waiting).toBe(1);
  expect((await codesOf(replies.slice(1))).filter((code) => code !== 'MESH_BREAKER_OPEN')).toEqual([]);
  all.peer.next().reply({ status: 200 });
  expect((await replies[0])?.status).toBe(200);
  await settled();
  const after = Array.from({ length: 1_000 }, () => all.call());
  await settled();
  expect(all.peer.waiting).toBe(1_000);
  while (all.peer.waiting > 0) all.peer.next().reply({ status: 200 });
  await Promise.all(after);
});

test('F81: a probe whose caller goes away is neither success nor failure, and one other call probes', async () => {
  const all = await halfOpen();
  const caller = new AbortController();
  const probe = all.call({}, { signal: caller.signal });
  const { ctx, fail } = all.peer.next();
  ctx.onCancel(fail);
  caller.abort();
  expect(await codesOf([probe])).toEqual(['MESH_CANCELLED']);
  await settled();
  expect(all.target.breaker?.state).toBe('half-open');
  const replies = Array.from({ length: 1_000 }, () => all.call());
  await settled();
  expect(all.peer.waiting).toBe(1);
  all.peer.next().reply({ status: 200 });
  expect((await replies[0])?.status).toBe(200);
});

test('F81: a probe that takes too long is a failure, and after the next rest another call probes', async () => {
  const all = await halfOpen({ deadlineMs: 250, attemptTimeoutMs: false });
  const probe = all.call();
  all.peer.next();
  await pass(all, 250);
  await expect(probe).rejects.toMatchObject({ code: 'MESH_DEADLINE' });
  await settled();
  expect(all.target.breaker?.state).toBe('open');
  await pass(all, 1_000);
  const replies = Array.from({ length: 1_000 }, () => all.call());
  await settled();
  expect(all.peer.waiting).toBe(1);
  void replies;
});

test('F81: a probe that never ends does not keep a service cut off for ever', async () => {
  const all = await halfOpen({ deadlineMs: false, attemptTimeoutMs: false });
  void all.call();
  all.peer.next();
  await codesOf(Array.from({ length: 100 }, () => all.call()));
  await pass(all, 1_000);
  const replies = Array.from({ length: 1_000 }, () => all.call());
  await settled();
  expect(all.peer.waiting).toBe(1);
  all.peer.next().reply({ status: 200 });
  await replies[0];
  await settled();
  expect(all.target.breaker?.state).toBe('closed');
});

test('F82: an only endpoint that fails is called all the same', async () => {
  const { call, peer, target } = harness({ endpoints: 1, retry: false, breaker: false });
  for (let i = 0; i < 100; i++) {
    const reply = call();
    const arrival = peer.next(); // throws when nothing was sent
    if (i % 2 === 0) arrival.reply({ status: 500 });
    else arrival.fail(new ConnectError('players', '10.0.0.1:8080', new Error('ECONNREFUSED')));
    await codesOf([reply]);
  }
  expect(target.nodes.nodes[0]?.health.out).toBe(true);
});

test('F82: an only endpoint is cut off by the breaker of its service alone, with an error that says why', async () => {
  const all = harness({ endpoints: 1, retry: false });
  for (let i = 0; i < 20; i++) {
    const reply = all.call();
    all.peer.next().fail(new ConnectError('players', '10.0.0.1:8080', new Error('ECONNREFUSED')));
    expect(await codesOf([reply])).toEqual(['MESH_CONNECT']);
  }
  await settled();
  await expect(all.call()).rejects.toMatchObject({
    code: 'MESH_BREAKER_OPEN',
    message: expect.stringContaining('20 of 20 calls failed in 10 s'),
  });
});

test('calls that their callers take back neither open the breaker nor keep it closed', async () => {
  const all = harness({ endpoints: 1, retry: false, health: false });
  const cancelled = async () => {
    const caller = new AbortController();
    const reply = all.call({}, { signal: caller.signal });
    const { ctx, fail } = all.peer.next();
    ctx.onCancel(fail);
    caller.abort();
    expect(await codesOf([reply])).toEqual(['MESH_CANCELLED']);
  };
  for (let i = 0; i < 100; i++) await cancelled();
  expect(all.target.breaker?.state).toBe('closed');
  for (let i = 0; i < 20; i++) {
    await cancelled();
    const reply = all.call();
    all.peer.next().reply({ status: 500 });
    await reply;
  }
  await settled();
  expect(all.target.breaker?.state).toBe('open');
});
