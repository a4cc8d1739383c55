import { expect, test } from 'vitest';
import type { FaultOptions } from '../../src/filters/fault-options.ts';
import { meshOf } from '../../src/index.ts';
import { harness, outcome, settled } from '../support/harness.ts';

const service = 'players';

function setup(fault: FaultOptions, options: Parameters<typeof harness>[0] = {}) {
  const made = harness({ fault, retry: false, breaker: false, health: false, ...options });
  const injected = (kind: string) => made.metrics.value('faults_injected', { service, fault: kind });
  return { ...made, injected };
}

test('an attempt is held up, and then sent', async () => {
  const { call, peer, clock, injected } = setup({ delayMs: 500 });
  const idle = clock.pending;
  const reply = call();
  await clock.advance(499);
  expect(peer.waiting).toBe(0);
  await clock.advance(1);
  const arrival = peer.next();
  expect(arrival.ctx.noted.fault).toBe('delay');
  arrival.reply({ status: 200 });
  expect(await reply).toEqual({ status: 200 });
  expect([injected('delay'), clock.pending]).toEqual([1, idle]);
});

test('a delay is timed out as a real one is, and ends with a caller who gives up', async () => {
  const { call, peer, clock } = setup({ delayMs: 5_000 });
  const idle = clock.pending;
  const slow = call();
  await clock.advance(3_000);
  expect(await outcome(slow)).toMatchObject({ error: { code: 'MESH_ATTEMPT_TIMEOUT' } });
  const controller = new AbortController();
  const leaving = call({}, { signal: controller.signal });
  controller.abort();
  expect(await outcome(leaving)).toMatchObject({ error: { code: 'MESH_CANCELLED' } });
  expect([peer.waiting, clock.pending]).toEqual([0, idle]);
});

test.each<[NonNullable<FaultOptions['abort']>, object]>([
  [404, { value: { status: 404 } }],
  [503, { value: { status: 503 } }],
  ['refused', { error: { code: 'MESH_CONNECT', resend: 'safe', cause: { code: 'ECONNREFUSED' } } }],
  ['reset', { error: { code: 'MESH_TRANSPORT', resend: 'idempotent', cause: { code: 'ECONNRESET' } } }],
])('an attempt comes to %s, and nothing is sent', async (abort, expected) => {
  const { call, peer, injected, target } = setup({ abort });
  expect(await outcome(call())).toMatchObject(expected);
  expect([peer.waiting, injected(String(abort))]).toEqual([0, 1]);
  expect(target.nodes.nodes.every(({ running }) => running === 0)).toBe(true);
});

test('both may come together, and the report says so', async () => {
  const { call, clock, injected } = setup({ delayMs: 100, abort: 'reset' });
  const reply = call();
  await clock.advance(100);
  const result = await outcome(reply);
  const report = meshOf('error' in Object(result) ? (result as { error: unknown }).error : undefined);
  expect(report?.attempts).toMatchObject([{ fault: 'delay, reset', verdict: 'retryable' }]);
  expect([injected('delay'), injected('reset')]).toEqual([1, 1]);
});

test('one alone is all that the report says', async () => {
  const { call } = setup({ abort: 'refused', delayMs: 100, delayRatio: 0 });
  const error = await call().catch((thrown: unknown) => thrown);
  expect(meshOf(error)?.attempts).toMatchObject([{ fault: 'refused' }]);
});

test('to the layers above it is a fault like any other', async () => {
  const { call, clock, target, seen, injected } = setup(
    { abort: 503 },
    { retry: { attempts: 2 }, breaker: {}, health: {}, fallback: { answer: { body: 'instead' } } },
  );
  for (let i = 0; i < 40; i++) {
    const reply = call();
    await clock.advance(100);
    expect(await reply).toEqual({ status: 200, body: 'instead' });
  }
  expect(target.breaker?.state).toBe('open');
  expect(seen.some(({ name }) => name === 'endpoint')).toBe(true);
  expect(injected('503')).toBeGreaterThan(20);
});

test('a share of the attempts meets it', async () => {
  const { call, peer, injected } = setup({ abort: 503, abortRatio: 0.3 });
  for (let i = 0; i < 1_000; i++) {
    void call();
    await settled();
    if (peer.waiting > 0) peer.next().reply({ status: 200 });
  }
  expect(injected('503')).toBeGreaterThan(250);
  expect(injected('503')).toBeLessThan(350);
});

test('a share of the attempts is held up, and the others are not', async () => {
  const { call, peer, injected, clock } = setup({ delayMs: 50, delayRatio: 0.3 });
  let atOnce = 0;
  for (let i = 0; i < 500; i++) {
    void call();
    await settled();
    if (peer.waiting > 0) atOnce++;
    await clock.advance(50);
    peer.next().reply({ status: 200 });
  }
  expect(injected('delay')).toBeGreaterThan(120);
  expect(injected('delay')).toBeLessThan(180);
  expect(atOnce + injected('delay')).toBe(500);
});

test('only requests with the header meet it', async () => {
  const { call, peer, injected } = setup({ abort: 503, header: 'X-Fault' });
  expect(await call({ headers: { 'x-fault': 'yes' } })).toMatchObject({ status: 503 });
  const reply = call();
  peer.next().reply({ status: 200 });
  expect(await reply).toEqual({ status: 200 });
  expect(injected('503')).toBe(1);
});

test('it is refused in production, unless that is said', () => {
  const before = process.env['NODE_ENV'];
  try {
    process.env['NODE_ENV'] = 'production';
    expect(() => setup({ abort: 503 })).toThrow(
      'players.fault is refused where NODE_ENV is production, unless services.players.fault.allowInProduction is true',
    );
    setup({ abort: 503, allowInProduction: true });
  } finally {
    process.env['NODE_ENV'] = before;
  }
  setup({ abort: 503 });
});

test.each<[FaultOptions, string]>([
  [{}, 'fault must say at least one of delayMs, abort'],
  [{ delayMs: 0 }, 'fault.delayMs must be a number of milliseconds of at least 1, not 0'],
  [{ delayMs: 1, delayRatio: 2 }, 'fault.delayRatio must be a number from 0 to 1, not 2'],
  [{ abort: 200 }, "fault.abort must be a status from 400 to 599, 'refused' or 'reset', not 200"],
  [{ abort: 503, abortRatio: -1 }, 'fault.abortRatio must be a number from 0 to 1, not -1'],
  [{ abort: 503, header: '' }, "fault.header must be a string that is not empty, not ''"],
])('%o is refused', (fault, message) => {
  expect(() => setup(fault)).toThrow(message);
});
