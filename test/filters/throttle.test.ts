import { expect, test } from 'vitest';
import type { Priority } from '../../src/core/priority.ts';
import { createAsked, throttle } from '../../src/filters/throttle.ts';
import type { ThrottleOptions } from '../../src/filters/throttle-options.ts';
import { ConfigError, ConnectError, TransportError } from '../../src/index.ts';
import type { Arrival, MockResponse } from '../../src/testing/entry.ts';
import { harness, settled } from '../support/harness.ts';
import { callTo, scopeOf } from '../support/scope.ts';

const NACK = { status: 503, headers: { 'mesh-nack': 'overloaded' } };

/** A stack over a peer that accepts so many attempts a second. */
function setup(throttle: ThrottleOptions | false = {}, options: Parameters<typeof harness>[0] = {}) {
  const made = harness({ throttle, retry: false, breaker: false, health: false, deadlineMs: false, ...options });
  const { call, peer, clock, metrics } = made;
  let sent = 0;
  let free = 0;
  /** So many calls, a hundred a second; gives how many were sent. */
  const send = async (count: number, perSecond: number, priority?: Priority, refusal: MockResponse = NACK) => {
    const before = sent;
    for (let i = 0; i < count; i++) {
      void call(
        {},
        {
          prepare: (ctx) => {
            ctx.priority = priority;
          },
        },
      );
      free = Math.min(5, free + perSecond / 100);
      if (peer.waiting > 0) {
        const accepted = free >= 1;
        if (accepted) free--;
        peer.next().reply(accepted ? { status: 200 } : refusal);
        sent++;
      }
      await settled();
      await clock.advance(10);
    }
    return sent - before;
  };
  const refused = () => metrics.value('calls_refused', { service: 'players', reason: 'throttle' });
  return { ...made, send, refused };
}

test.each([100, 60])('a service that accepts %i of a hundred attempts is sent all', async (accepted) => {
  const { send } = setup();
  expect(await send(1_000, accepted)).toBe(1_000);
});

test('F85: one that accepts nothing is sent a tenth of what it would be', async () => {
  const { send, refused } = setup();
  await send(1_000, 0);
  const sent = await send(1_000, 0);
  expect(sent).toBeLessThan(150);
  expect(sent).toBeGreaterThan(50);
  expect(refused()).toBeGreaterThan(1_700);
});

test('F85: once it accepts again it is sent all within five seconds', async () => {
  const { send } = setup();
  await send(1_000, 0);
  await send(500, 100);
  expect(await send(200, 100)).toBe(200);
});

test('what is older than two seconds says nothing', async () => {
  const { send, clock } = setup();
  for (let i = 0; i < 10; i++) {
    await send(100, 0);
    await clock.advance(2_000);
    expect(await send(1, 0)).toBe(1);
  }
});

test('F85: one that accepts a fifth of what there is is sent about twice what it accepts', async () => {
  const { send } = setup();
  await send(1_000, 20);
  const sent = await send(1_000, 20);
  expect(sent).toBeGreaterThan(300);
  expect(sent).toBeLessThan(500);
});

test.each([
  [{ requests: 199, accepts: 80 }, 'default', 0.195],
  [{ requests: 199, accepts: 80 }, 'sheddable', 0.39],
  [{ requests: 199, accepts: 100 }, 'default', 0],
  [{ requests: 199, accepts: 20 }, 'default', 0.795],
  [{ requests: 199, accepts: 20 }, 'sheddable', 0.9],
  [{ requests: 20, accepts: 0 }, 'default', 0.9],
  [{ requests: 19, accepts: 0 }, 'default', 0],
] as const)(
  'of %o, of which twice the accepted would be sent, a %s attempt is refused with the probability %d',
  async ({ requests, accepts }, priority, probability) => {
    const asked = async (drawn: number) => {
      const scope = { ...scopeOf(), random: () => drawn };
      const window = createAsked(scope.clock.now());
      window.add(scope.clock.now(), requests, accepts);
      const filter = throttle<string, string>({ ratio: 2, minimum: 20 }, window)(async () => 'sent', scope);
      const ctx = callTo();
      ctx.priority = priority;
      return filter('a', ctx).catch(() => 'refused');
    };
    if (probability > 0) expect(await asked(probability - 0.0001)).toBe('refused');
    expect(await asked(probability)).toBe('sent');
  },
);

test('without the option all is sent', async () => {
  const { send } = setup(false);
  expect(await send(500, 0)).toBe(500);
});

test('fewer attempts than the minimum say nothing', async () => {
  const { send } = setup({ minimum: 100 });
  expect(await send(100, 0)).toBe(100);
  expect(await send(100, 0)).toBeLessThan(60);
});

test.each([429, 502, 503, 504])('an answer of %i without a nack counts as not accepted, too', async (status) => {
  const { send, refused } = setup();
  await send(200, 0, undefined, { status });
  expect(refused()).toBeGreaterThan(100);
});

const failing = (error: (endpoint: string | undefined) => Error) => (arrival: Arrival) =>
  arrival.fail(error(arrival.ctx.endpoint?.id));

test.each<[string, (arrival: Arrival) => void]>([
  ['cannot be reached', failing((id) => new ConnectError('players', id, new Error('refused')))],
  ['breaks the connection', failing((id) => new TransportError('players', id, new Error('reset')))],
  ['never answers', () => {}],
])('attempts at a service that %s count as not accepted', async (_, answer) => {
  const { call, peer, clock, refused } = setup({}, { deadlineMs: 10 });
  for (let i = 0; i < 200; i++) {
    void call();
    if (peer.waiting > 0) answer(peer.next());
    await clock.advance(11);
  }
  expect(refused()).toBeGreaterThan(100);
});

test('a request that is invalid counts for nothing', async () => {
  const { call, peer, refused } = setup();
  for (let i = 0; i < 200; i++) {
    void call();
    peer.next().fail(new TypeError('invalid header'));
    await settled();
  }
  expect(refused()).toBe(0);
});

test('an answer that is wrong was worked on', async () => {
  const { send } = setup();
  expect(await send(300, 0, undefined, { status: 500 })).toBe(300);
});

test('the least important are refused first, the most important never', async () => {
  const share = async (priority: Priority) => {
    const { send } = setup();
    await send(1_000, 20);
    return send(1_000, 20, priority);
  };
  expect(await share('critical')).toBe(1_000);
  const [usual, least] = [await share('default'), await share('sheddable')];
  expect(usual).toBeGreaterThan(300);
  expect(least).toBeLessThan(200);
});

test('a call that is refused here says so, was not sent, and is not sent again', async () => {
  const { call, send, peer, metrics } = setup();
  await send(400, 0);
  const calls = Array.from({ length: 50 }, () => call());
  await settled();
  expect(peer.waiting).toBeLessThan(15);
  while (peer.waiting > 0) peer.next().reply(NACK);
  expect(await Promise.allSettled(calls)).toContainEqual({
    status: 'rejected',
    reason: expect.objectContaining({ code: 'MESH_REFUSED', reason: 'throttle', resend: 'never', attempts: 0 }),
  });
  expect(metrics.value('retries', { service: 'players' })).toBe(0);
});

test('what a caller takes back counts for nothing', async () => {
  const { call, peer, send } = setup();
  for (let i = 0; i < 100; i++) {
    const controller = new AbortController();
    void call({}, { signal: controller.signal });
    controller.abort();
    const arrival = peer.next();
    arrival.fail(arrival.ctx.cancelled ?? new Error('not cancelled'));
    await settled();
  }
  expect(await send(100, 100)).toBe(100);
});

test.each([
  [{ ratio: 1 }, 'defaults.throttle.ratio must be a number from 1.1 to 100, not 1'],
  [{ minimum: 0 }, 'defaults.throttle.minimum must be an integer from 1 to 1000000, not 0'],
])('%o is refused', (throttle, message) => {
  expect(() => harness({ throttle })).toThrow(ConfigError);
  expect(() => harness({ throttle })).toThrow(message.replace('defaults.', ''));
});
