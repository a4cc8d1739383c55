import { expect, test } from 'vitest';
import { runAmbient } from '../../src/core/ambient.ts';
import type { Context } from '../../src/core/context.ts';
import { ConnectError, TransportError } from '../../src/core/errors.ts';
import { harness, settled } from '../support/harness.ts';

test('F34: after one refused connection an endpoint gets no more calls until its probe', async () => {
  const { call, clock, peer, seen } = harness({ endpoints: 3 });
  const reply = call();
  const dead = peer.next();
  dead.fail(new ConnectError('players', dead.ctx.endpoint?.id, new Error('ECONNREFUSED')));
  await settled();
  peer.next().reply({ status: 200 });
  await reply;
  for (let i = 0; i < 50; i++) {
    const other = call();
    const arrival = peer.next();
    expect(arrival.ctx.endpoint?.id).not.toBe(dead.ctx.endpoint?.id);
    arrival.reply({ status: 200 });
    await other;
  }
  await clock.advance(6_000);
  const probing = call();
  const probe = peer.next();
  expect(probe.ctx.endpoint?.id).toBe(dead.ctx.endpoint?.id);
  probe.reply({ status: 200 });
  await probing;
  expect(seen.map(({ event }) => event)).toMatchObject([{ health: 'down' }, { health: 'up' }]);
});

test('F34: with two of three killed no call fails, and only probes go to the dead', async () => {
  const { call, clock, peer, seen, metrics } = harness({ endpoints: 3 });
  const dead = new Set(['10.0.0.1:8080', '10.0.0.2:8080']);
  for (let i = 0; i < 600; i++) {
    const reply = call({ method: i % 4 === 0 ? 'POST' : 'GET' });
    while (peer.waiting > 0) {
      const arrival = peer.next();
      const id = arrival.ctx.endpoint?.id;
      if (id !== undefined && dead.has(id)) arrival.fail(new ConnectError('players', id, new Error('ECONNREFUSED')));
      else arrival.reply({ status: 200 });
      await settled();
    }
    expect((await reply).status).toBe(200);
    await clock.advance(100);
  }
  expect(metrics.value('retries', { service: 'players' })).toBeLessThan(20);
  expect(seen.map(({ name }) => name)).toEqual(['endpoint', 'endpoint']);
});

test('F50: a panic shows in the figures for as long as it lasts', async () => {
  const { call, clock, peer, metrics } = harness({ endpoints: 3, retry: false, breaker: false });
  const panicking = () => metrics.value('panicking', { service: 'players' });
  const until = async (status: number, done: () => boolean) => {
    for (let i = 0; i < 1_000 && !done(); i++) {
      const reply = call();
      peer.next().reply({ status });
      await reply;
      await clock.advance(50);
    }
  };
  expect(panicking()).toBe(0);
  await until(500, () => panicking() === 1);
  expect([panicking(), metrics.value('endpoints', { service: 'players', health: 'down' })]).toEqual([1, 2]);
  await until(200, () => panicking() === 0);
  expect([panicking(), metrics.value('endpoints', { service: 'players', health: 'down' })]).toEqual([0, 1]);
});

test('F40: an endpoint that hangs is left after five attempts that ran into their limit', async () => {
  const { call, clock, peer, seen } = harness({ endpoints: 1, retry: false, breaker: false, attemptTimeoutMs: 100 });
  for (let i = 0; i < 5; i++) {
    expect(seen).toEqual([]);
    const reply = call();
    await clock.advance(100);
    await expect(reply).rejects.toMatchObject({ code: 'MESH_ATTEMPT_TIMEOUT' });
    peer.next();
  }
  expect(seen).toMatchObject([{ event: { health: 'down', reason: '5 failures in a row' } }]);
});

test('an endpoint that hangs longer than the whole call may take is left too, but not for a limit it was handed', async () => {
  const hang = async (own: boolean) => {
    const { call, clock, peer, seen } = harness({ endpoints: 1, breaker: false, deadlineMs: own ? 100 : 10_000 });
    for (let i = 0; i < 5; i++) {
      const prepare = (ctx: Context) => {
        if (!own) Object.assign(ctx, { deadline: clock.now() + 100, limitedBy: 'request' });
      };
      const reply = call({}, { prepare });
      await clock.advance(100);
      await expect(reply).rejects.toMatchObject({ code: 'MESH_DEADLINE', inherited: !own });
      peer.next();
    }
    return seen.length;
  };
  expect(await hang(true)).toBe(1);
  expect(await hang(false)).toBe(0);
});

test.each<[Context['limitedBy'], number]>([
  ['service', 1],
  ['redirects', 0],
  ['request', 0],
  ['caller', 0],
])(
  'a body that is cut off when the time is up of the %s speaks against the endpoint: %i',
  async (limitedBy, events) => {
    const { call, clock, peer, seen } = harness({
      endpoints: 1,
      breaker: false,
      deadlineMs: 100,
      health: { failures: 1 },
    });
    // What is shorter than that of the service is somebody else's.
    const prepare = (ctx: Context) => {
      if (limitedBy !== 'service') Object.assign(ctx, { deadline: clock.now() + 90, limitedBy });
    };
    const reply = call({}, { prepare });
    const { ctx, replyHead } = peer.next();
    replyHead({ status: 200 });
    await reply;
    await clock.advance(100);
    ctx.end(ctx.cancelled);
    expect(seen).toHaveLength(events);
  },
);

test('F44: a body that breaks off counts against the endpoint, one that its reader gives up does not', async () => {
  for (const [error, events] of [
    [new TransportError('players', 'p', new Error('reset')), 1],
    [undefined, 0],
  ] as const) {
    const { call, peer, seen, target } = harness({ endpoints: 1 });
    for (let i = 0; i < 5; i++) {
      const reply = call();
      const { ctx, replyHead } = peer.next();
      replyHead({ status: 200 });
      await reply;
      expect(target.nodes.nodes[0]?.running).toBe(1);
      ctx.end(error);
      expect(target.nodes.nodes[0]?.running).toBe(0);
    }
    expect(seen.length).toBe(events);
  }
});

test('F43: a body that drips until the time of its attempt is up counts against the endpoint', async () => {
  const { call, clock, peer, seen } = harness({ endpoints: 1, attemptTimeoutMs: 100 });
  for (let i = 0; i < 5; i++) {
    const reply = call();
    const { ctx, replyHead } = peer.next();
    replyHead({ status: 200 });
    await reply;
    ctx.onCancel((reason) => ctx.end(reason));
    await clock.advance(100);
  }
  expect(seen).toMatchObject([{ event: { health: 'down', reason: '5 failures in a row' } }]);
});

test('the breaker opens when the whole service is down, and then nothing is sent', async () => {
  const { call, clock, peer, seen } = harness({ retry: false });
  for (let i = 0; i < 20; i++) {
    const reply = call();
    peer.next().reply({ status: 500 });
    expect((await reply).status).toBe(500);
  }
  await clock.advance(0);
  await expect(call()).rejects.toMatchObject({ code: 'MESH_BREAKER_OPEN', attempts: 0 });
  expect(peer.waiting).toBe(0);
  expect(seen.filter(({ name }) => name === 'breaker')).toMatchObject([{ event: { state: 'open', trips: 1 } }]);
});

test('calls that ran out of time they were handed do not open the breaker', async () => {
  const { call, clock, peer, target } = harness();
  for (let i = 0; i < 40; i++) {
    const expired = { trace: undefined, baggage: '', deadline: clock.now() - 1, retried: false };
    await expect(runAmbient(expired, () => call())).rejects.toMatchObject({ code: 'MESH_DEADLINE', inherited: true });
  }
  await clock.advance(0);
  expect(target.breaker?.state).toBe('closed');
  expect(peer.waiting).toBe(0);
});

test('a 404 proves that the server is well', async () => {
  const { call, clock, peer, seen } = harness();
  for (let i = 0; i < 50; i++) {
    const reply = call();
    peer.next().reply({ status: 404 });
    await reply;
  }
  await clock.advance(0);
  expect(seen).toEqual([]);
});
