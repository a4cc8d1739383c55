import { expect, test } from 'vitest';
import { isMeshError, RefusedError } from '../../src/core/errors.ts';
import type { Arrival } from '../../src/testing/entry.ts';
import { harness, outcome, settled } from '../support/harness.ts';

type Options = NonNullable<Parameters<typeof harness>[0]>;

const limitOf = ({ ctx }: Arrival) => headerOf(ctx.headers, 'mesh-limit');
const headerOf = (headers: readonly string[], name: string): string | undefined => {
  const at = headers.indexOf(name);
  return at < 0 ? undefined : headers[at + 1];
};

/** A stack with soft nack whose three servers have reported six requests in flight each, and 30 ms for one. */
async function setup(options: Options = {}) {
  const made = harness({ balancer: { kind: 'recall', softNack: true }, ...options });
  const { target, clock } = made;
  for (const node of target.nodes.nodes) target.nodes.reported(node, { rif: 6, serviceMs: 30 }, clock.now());
  const refuse = async (arrival: Arrival, load = '9;30') => {
    arrival.reply({ status: 503, headers: { 'mesh-nack': 'busy', 'mesh-load': load } });
    await settled();
  };
  return { ...made, refuse };
}

test('a call carries the mean of what is in flight and one more as its limit', async () => {
  const { call, peer } = await setup();
  void call();
  expect(limitOf(peer.next())).toBe('7');
});

test('without the option there is no limit, and a busy server is one that failed', async () => {
  const { call, peer, target, clock, metrics } = harness();
  for (const node of target.nodes.nodes) target.nodes.reported(node, { rif: 6, serviceMs: 30 }, clock.now());
  void call();
  const arrival = peer.next();
  expect(limitOf(arrival)).toBe(undefined);
  arrival.reply({ status: 503, headers: { 'mesh-nack': 'busy' } });
  await settled();
  peer.next().reply({ status: 200 });
  await settled();
  expect(metrics.value('retries', { service: 'players' })).toBe(1);
  expect(
    metrics.value('attempts', { service: 'players', endpoint: arrival.ctx.endpoint?.id ?? '', outcome: 'failure' }),
  ).toBe(1);
});

test('a call that two servers refuse as busy goes to the third without a limit, at once; a POST too', async () => {
  const { call, peer, refuse, clock, metrics } = await setup();
  const before = clock.now();
  const reply = call({ method: 'POST' });
  const tried = new Set<string | undefined>();
  for (let i = 0; i < 2; i++) {
    const arrival = peer.next();
    expect(Number(limitOf(arrival)) >= 7).toBe(true);
    tried.add(arrival.ctx.endpoint?.id);
    await refuse(arrival);
  }
  const last = peer.next();
  tried.add(last.ctx.endpoint?.id);
  expect(limitOf(last)).toBe(undefined);
  expect(tried.size).toBe(3);
  last.reply({ status: 201 });
  expect(await reply).toEqual({ status: 201 });
  expect(metrics.value('busy_refusals', { service: 'players' })).toBe(2);
  expect(clock.now()).toBe(before);
});

test('a call goes back to the server that refused it where all others are still worse, and must be taken there', async () => {
  const { call, peer, refuse, target, clock, metrics } = await setup({ endpoints: 2 });
  const [fast, slow] = target.nodes.nodes;
  if (fast === undefined || slow === undefined) throw new Error('there are two');
  target.nodes.reported(fast, { rif: 6, serviceMs: 10 }, clock.now());
  target.nodes.reported(slow, { rif: 0, serviceMs: 1_000 }, clock.now());
  const reply = call();
  const first = peer.next();
  expect([first.ctx.endpoint?.id, limitOf(first)]).toEqual([fast.endpoint.id, '7']);
  await refuse(first, '9;10');
  const second = peer.next();
  expect([second.ctx.endpoint?.id, limitOf(second)]).toEqual([fast.endpoint.id, undefined]);
  second.reply({ status: 200 });
  expect(await reply).toEqual({ status: 200 });
  expect(metrics.value('busy_refusals', { service: 'players' })).toBe(1);
});

test('it is charged to nobody: not to retries, their budget, the endpoint, the breaker', async () => {
  const { call, peer, refuse, metrics, seen, target } = await setup({
    retry: { budgetRatio: 0, budgetPerSecond: 0 },
    health: { failures: 1 },
    breaker: { minimum: 1 },
  });
  const reply = call();
  const arrivals: Arrival[] = [];
  for (let i = 0; i < 2; i++) {
    const arrival = peer.next();
    arrivals.push(arrival);
    await refuse(arrival);
  }
  peer.next().reply({ status: 200 });
  expect(await reply).toEqual({ status: 200 });
  expect(metrics.value('retries', { service: 'players' })).toBe(0);
  expect(seen).toEqual([]);
  expect(target.breaker?.state).toBe('closed');
  expect(arrivals.map(({ ctx }) => ctx.verdict)).toEqual(['ignorable', 'ignorable']);
  expect(arrivals.map(({ ctx }) => isMeshError(ctx.error) && ctx.error.message)).toEqual(
    arrivals.map(({ ctx }) => `'players' (${ctx.endpoint?.id}) refused the call before working on it: busy`),
  );
});

test('it works with retries off, and leaves them whole where they are on', async () => {
  const off = await setup({ retry: false });
  const reply = off.call({ method: 'POST' });
  await off.refuse(off.peer.next());
  off.peer.next().reply({ status: 503 });
  expect(await reply).toEqual({ status: 503 });

  const on = await setup({ retry: { attempts: 2, baseMs: 0, maxMs: 0 } });
  const retried = on.call();
  const numbers: (string | undefined)[] = [];
  const next = () => {
    const arrival = on.peer.next();
    numbers.push(headerOf(arrival.ctx.headers, 'mesh-attempt'));
    return arrival;
  };
  await on.refuse(next());
  next().reply({ status: 503 });
  await settled();
  await on.refuse(next());
  next().reply({ status: 503 });
  expect(await retried).toEqual({ status: 503 });
  expect(on.peer.waiting).toBe(0);
  // The server must not take what was refused before for a retry.
  expect(numbers).toEqual([undefined, undefined, '2', '2']);
});

test('a server that refuses what has no limit has failed', async () => {
  const { call, peer, refuse, clock, metrics } = await setup();
  const reply = call();
  for (let i = 0; i < 5; i++) {
    await refuse(peer.next());
    await clock.advance(250);
  }
  expect(peer.waiting).toBe(0);
  const ended = await outcome(reply);
  const error = typeof ended === 'object' && 'error' in ended ? ended.error : undefined;
  expect(error instanceof RefusedError && [error.reason, error.attempts]).toEqual(['nack', 5]);
  expect(metrics.value('busy_refusals', { service: 'players' })).toBe(2);
  expect(metrics.value('retries', { service: 'players' })).toBe(2);
});

test('a call whose body cannot be sent again asks nobody to refuse it', async () => {
  const { call, peer } = await setup();
  void call({}, { prepare: (ctx) => (ctx.replayable = false) });
  expect(limitOf(peer.next())).toBe(undefined);
});

test('a call that is refused when its deadline has come is not sent again', async () => {
  const { call, peer, clock } = await setup({ deadlineMs: 50, attemptTimeoutMs: false });
  const reply = call();
  const arrival = peer.next();
  await clock.advance(50);
  arrival.reply({ status: 503, headers: { 'mesh-nack': 'busy' } });
  await settled();
  expect(peer.waiting).toBe(0);
  await expect(reply).rejects.toThrow('did not end within 50 ms');
});

test('the one server that hangs after another refused has failed when the deadline comes', async () => {
  const { call, peer, refuse, clock, seen } = await setup({
    deadlineMs: 1_000,
    attemptTimeoutMs: false,
    health: { failures: 1 },
  });
  const reply = call();
  await refuse(peer.next());
  const hanging = peer.next();
  await clock.advance(1_000);
  await expect(reply).rejects.toThrow('did not end within');
  expect(seen.filter(({ name }) => name === 'endpoint').map(({ event }) => event)).toEqual([
    expect.objectContaining({ endpoint: hanging.ctx.endpoint?.id, health: 'down' }),
  ]);
});

test('there is no limit for the one server that there is, nor before any has reported', async () => {
  const one = await setup({ endpoints: 1 });
  void one.call();
  expect(limitOf(one.peer.next())).toBe(undefined);
  const silent = harness({ balancer: { kind: 'recall', softNack: true } });
  void silent.call();
  expect(limitOf(silent.peer.next())).toBe(undefined);
});

test('there is no limit while a request takes less than three round trips; that is found out anew after 30 s', async () => {
  const { call, peer, clock, target } = await setup();
  const again = () => {
    for (const node of target.nodes.nodes) target.nodes.reported(node, { rif: 6, serviceMs: 30 }, clock.now());
  };
  const first = call();
  const slow = peer.next();
  await clock.advance(11); // a round trip
  slow.reply({ status: 503, headers: { 'mesh-nack': 'busy' } });
  await settled();
  const second = peer.next();
  expect(limitOf(second)).toBe(undefined);
  second.reply({ status: 200 });
  await first;

  await clock.advance(29_000);
  again();
  void call();
  const unlimited = peer.next();
  expect(limitOf(unlimited)).toBe(undefined);
  unlimited.reply({ status: 200 });
  await clock.advance(1_000);
  again();
  void call();
  const known = peer.next();
  expect(limitOf(known)).toBe('7');
  await clock.advance(9);
  known.reply({ status: 503, headers: { 'mesh-nack': 'busy', 'mesh-load': '9;30' } });
  await settled();
  expect(limitOf(peer.next())).toBe('7');
});
