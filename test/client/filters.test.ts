import { getEventListeners } from 'node:events';
import { afterEach, expect, test, vi } from 'vitest';
import type { FilterStack } from '../../src/client/filter-stack.ts';
import { meshOf } from '../../src/client/mesh-of.ts';
import type { Context } from '../../src/core/context.ts';
import { ConnectError } from '../../src/core/errors.ts';
import type { Filter } from '../../src/core/filter.ts';
import { observe } from '../../src/core/observe.ts';
import { clientRoles, endpointRoles, type StackRole } from '../../src/core/roles.ts';
import type { MockRequest, MockResponse } from '../../src/testing/entry.ts';
import { harness, outcome } from '../support/harness.ts';

type Own = Filter<MockRequest, MockResponse>;
type Harness = ReturnType<typeof harness>;

// opossum sets its own timer for the next probe and takes no clock.
afterEach(() => {
  vi.useRealTimers();
});

const broken = new Error('a bug in a filter');
const ok: MockResponse = { status: 200 };

/** A harness with one filter, directly outside of a role. */
const before = (role: StackRole, filter: Own, options: Parameters<typeof harness>[0] = {}) =>
  harness({ ...options, filters: (stack) => stack.insertBefore(role, 'mine', filter) });

const counted = (one: Harness, fault: string) =>
  one.metrics
    .read()
    .filter(({ name, labels }) => name === 'filter_faults' && labels['filter'] === 'mine' && labels['fault'] === fault)
    .reduce((sum, reading) => sum + (reading.kind === 'histogram' ? 0 : reading.value), 0);

/** What a stack must not keep of a call that is over. */
async function nothingIsLeft(one: Harness, signal?: AbortSignal): Promise<void> {
  expect(one.target.inFlight.running).toBe(0);
  expect(one.target.nodes.nodes.map(({ running }) => running)).toEqual(one.target.nodes.nodes.map(() => 0));
  if (signal !== undefined) expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  const times = one.metrics.read().map((reading) => (reading.kind === 'histogram' ? reading.sumMs : 0));
  expect(times.every(Number.isFinite)).toBe(true);
  one.targets.close();
  expect(one.clock.pending).toBe(0);
}

// Where it stands.

test('a filter outside of retry sees a call once, one inside of it each attempt, and one at the endpoint knows where it goes', async () => {
  const log: string[] = [];
  const looking = (name: string): Own =>
    observe(() => ({
      start: (_req, ctx) => void log.push(`${name} ${ctx.attempt} ${ctx.endpoint === undefined ? 'nowhere' : 'there'}`),
    }));
  const { peer, call, clock } = harness({
    filters: (stack) =>
      stack
        .insertBefore('retry', 'call', looking('call'))
        .insertAfter('retry', 'attempt', looking('attempt'))
        .insertAfter('propagate', 'sent', looking('sent')),
  });
  const reply = call();
  peer.next().reply({ status: 503 });
  await clock.advance(250);
  peer.next().reply(ok);
  expect(await reply).toEqual(ok);
  expect(log).toEqual(['call 0 nowhere', 'attempt 1 nowhere', 'sent 1 there', 'attempt 2 nowhere', 'sent 2 there']);
});

test('headers that a filter adds to a call are sent with each of its attempts', async () => {
  const tenant: Own = (next) => (req, ctx) => {
    ctx.headers.push('x-tenant', 'acme');
    return next(req, ctx);
  };
  const { peer, call, clock } = before('retry', tenant);
  const reply = call();
  const sent = () => {
    const arrival = peer.next();
    expect(arrival.ctx.headers.filter((one) => one === 'x-tenant' || one === 'acme')).toEqual(['x-tenant', 'acme']);
    return arrival;
  };
  sent().reply({ status: 503 });
  await clock.advance(250);
  sent().reply(ok);
  expect(await reply).toEqual(ok);
});

test('a filter can change request and response', async () => {
  const shout: Own = (next) => async (req, ctx) => {
    const res = await next({ ...req, body: `${req.body}!` }, ctx);
    return { ...res, body: `${res.body}?` };
  };
  const one = before('deadline', shout);
  const reply = one.call({ body: 'a' });
  const arrival = one.peer.next();
  expect(arrival.req.body).toBe('a!');
  arrival.reply({ status: 200, body: 'b' });
  expect(await reply).toEqual({ status: 200, body: 'b?' });
  await nothingIsLeft(one);
});

test.each<StackRole>(['hedge', 'throttle', 'fallback', 'fault'])(
  'a filter beside %s, which is off, stands where that would',
  async (role) => {
    const order: string[] = [];
    const told = (name: string): Own => observe(() => ({ start: () => void order.push(name) }));
    const all: readonly StackRole[] = [...clientRoles, ...endpointRoles].map((place) => place.role);
    const one = harness({
      filters: (stack) => {
        let filled: FilterStack<MockRequest, MockResponse, string> = stack;
        for (const each of all) filled = filled.insertBefore(each, `before-${each}`, told(each));
        return filled;
      },
    });
    const reply = one.call();
    one.peer.next().reply(ok);
    await reply;
    expect(order).toContain(role);
    expect(order).toEqual(all);
  },
);

test('a filter that passes calls on costs no layer, and one can be put beside another', async () => {
  const one = harness({
    filters: (stack) =>
      stack.insertBefore('stats', 'none', (next) => next).insertAfter('none', 'other', (next) => next),
  });
  const reply = one.call();
  one.peer.next().reply(ok);
  expect(await reply).toEqual(ok);
});

test('roles, names and filters that are none are refused when the client is made, whatever is switched off later', () => {
  const pass: Own = (next) => next;
  type Any = FilterStack<MockRequest, MockResponse, string>;
  const put = (filters: (stack: Any) => unknown) => () => harness({ filters: filters as never });
  const roles = [...clientRoles, ...endpointRoles].map(({ role }) => role).join(', ');
  expect(put((stack) => stack.insertBefore('retyr', 'mine', pass))).toThrow(
    `filters: the stack has no filter 'retyr'; it has ${roles}`,
  );
  expect(put((stack) => stack.insertBefore('retry', 'stats', pass))).toThrow(
    "filters: the stack already has a filter 'stats'",
  );
  expect(put((stack) => stack.insertBefore('retry', 'a', pass).insertAfter('retry', 'a', pass))).toThrow(
    "filters: the stack already has a filter 'a'",
  );
  expect(put((stack) => stack.insertAfter('balance', 'mine', pass))).toThrow(
    "the role that 'mine' comes after must be another than 'balance'",
  );
  expect(put((stack) => stack.insertBefore('retry', 'a b', pass))).toThrow(
    'the name of a filter must be 1 to 60 of A-Z, a-z, 0-9, ".", "_", "-", not \'a b\'',
  );
  expect(put((stack) => stack.insertBefore('retry', 'mine', undefined as never))).toThrow(
    "filters: filter 'mine' must be a function, not undefined",
  );
  expect(put(() => undefined)).toThrow('filters must be a function that returns the stack with its filters');
  expect(() => harness({ filters: 7 as never })).toThrow('filters must be a function, not 7');
});

test('a filter that would be lost because the stack did not go on from the last insert is refused', () => {
  const pass: Own = (next) => next;
  const message = 'must go on from the stack that the last insert gave';
  expect(() =>
    harness({
      filters: (stack) => {
        stack.insertBefore('retry', 'a', pass);
        return stack.insertBefore('retry', 'b', pass);
      },
    }),
  ).toThrow(message);
  expect(() =>
    harness({
      filters: (stack) => {
        stack.insertBefore('retry', 'a', pass);
        return stack;
      },
    }),
  ).toThrow(message);
});

// What it decides.

test.each(['before', 'after'] as const)('a filter %s classify can say what a response means', async (side) => {
  const maintenance: Own = observe(() => ({
    success(res, ctx) {
      if (res.headers?.['x-maintenance'] === 'yes') ctx.verdict = 'retryable';
    },
  }));
  const one = harness({
    filters: (stack) =>
      side === 'before'
        ? stack.insertBefore('classify', 'mine', maintenance)
        : stack.insertAfter('classify', 'mine', maintenance),
  });
  const reply = one.call();
  one.peer.next().reply({ status: 200, headers: { 'x-maintenance': 'yes' } });
  await one.clock.advance(250);
  one.peer.next().reply({ status: 200, body: 'well' });
  expect(await reply).toEqual({ status: 200, body: 'well' });
  expect(one.peer.discarded).toHaveLength(1);
  await nothingIsLeft(one);
});

test.each<StackRole>(['trace', 'breaker', 'retry', 'balance', 'attempt-trace', 'health', 'classify', 'propagate'])(
  'an answer that a filter gives itself, before %s, says nothing of anybody, and ends the call',
  async (role) => {
    const { signal } = new AbortController();
    const one = before(role, () => () => Promise.resolve({ status: 503, body: 'kept' }), { breaker: { minimum: 2 } });
    for (let i = 0; i < 10; i++) expect(await one.call({}, { signal })).toEqual({ status: 503, body: 'kept' });
    expect(one.peer.waiting).toBe(0);
    expect(one.seen).toEqual([]);
    expect(one.target.nodes.nodes.map(({ latencyMs }) => latencyMs)).toEqual([Number.NaN, Number.NaN, Number.NaN]);
    await one.clock.advance(60_000);
    const expired = one.metrics.read().find(({ name }) => name === 'calls_expired');
    expect(expired).toMatchObject({ value: 0 });
    await nothingIsLeft(one, signal);
  },
);

test('an answer of a filter does not close a breaker: nobody was asked', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  let answering = false;
  const kept: Own = (next) => (req, ctx) => (answering ? Promise.resolve(ok) : next(req, ctx));
  const one = before('retry', kept, { breaker: { minimum: 2 }, retry: false });
  for (let i = 0; i < 2; i++) {
    const reply = one.call();
    one.peer.next().reply({ status: 500 });
    await reply;
  }
  await one.clock.advance(1);
  expect(one.target.breaker?.state).toBe('open');
  await one.clock.advance(10_000);
  vi.advanceTimersByTime(10_000);
  answering = true;
  expect(await one.call()).toEqual(ok);
  expect(one.target.breaker?.state).toBe('half-open');
});

test('an answer in place of a failure leaves that counted where it happened', async () => {
  const { signal } = new AbortController();
  const fallback: Own = (next) => (req, ctx) => next(req, ctx).catch(() => ({ status: 200, body: 'stale' }));
  const one = before('retry', fallback, { retry: false, breaker: { minimum: 2 } });
  for (let i = 0; i < 2; i++) {
    const reply = one.call({}, { signal });
    await one.clock.advance(3_000); // nobody answers within the limit of an attempt
    expect(await reply).toEqual({ status: 200, body: 'stale' });
  }
  const failures = one.metrics
    .read()
    .filter(({ name, labels }) => name === 'attempts' && labels['outcome'] === 'failure');
  expect(failures.reduce((sum, one) => sum + (one.kind === 'histogram' ? 0 : one.value), 0)).toBe(2);
  expect(one.target.breaker?.state).toBe('open');
  await one.clock.advance(60_000);
  await nothingIsLeft(one, signal);
});

test('calls that a filter gives other headers share neither a flight nor a kept answer', async () => {
  const tenant: Own = (next) => (req, ctx) => {
    ctx.headers.push('x-tenant', tenants.shift() ?? '');
    return next(req, ctx);
  };
  const tenants = ['red', 'blue', 'red', 'blue'];
  const one = before('fallback', tenant, { singleFlight: {}, fallback: { staleMs: 60_000 }, retry: false });
  const both = [one.call(), one.call()];
  expect(one.peer.waiting).toBe(2);
  one.peer.next().reply({ status: 200, body: 'for red' });
  one.peer.next().fail(new ConnectError('players', 'a', new Error('refused')));
  expect(await both[0]).toEqual({ status: 200, body: 'for red' });
  expect(await outcome(both[1] as Promise<MockResponse>)).toMatchObject({ error: { code: 'MESH_CONNECT' } });
  for (const expected of [{ value: { status: 200, body: 'for red' } }, { error: { code: 'MESH_CONNECT' } }]) {
    const reply = one.call();
    one.peer.next().fail(new ConnectError('players', 'a', new Error('refused')));
    expect(await outcome(reply)).toMatchObject(expected);
  }
});

// What it does wrong.

test('F83: a filter that throws fails its call with what it threw, is counted, and is told once a second', async () => {
  const faulty: Own = (next) => (req, ctx) => {
    if (req.body === 'bad') throw broken;
    return next(req, ctx);
  };
  const one = before('retry', faulty);
  for (let i = 0; i < 5; i++) expect(await outcome(one.call({ body: 'bad' }))).toEqual({ error: broken });
  const fault = { name: 'fault', event: { source: "filter 'mine' of 'players'", error: broken } };
  expect(one.seen).toEqual([fault]);
  await one.clock.advance(1_000);
  expect(await outcome(one.call({ body: 'bad' }))).toEqual({ error: broken });
  expect(one.seen).toEqual([fault, fault]);
  expect(counted(one, 'threw')).toBe(6);
  expect(counted(one, 'rejected')).toBe(0);
  const good = one.call({ body: 'good' });
  one.peer.next().reply(ok);
  expect(await good).toEqual(ok);
  await nothingIsLeft(one);
});

test('F83: a filter that cannot be built fails the calls of its client, and no more', async () => {
  for (const make of [
    () => {
      throw broken;
    },
    () => undefined as never,
  ]) {
    const one = before('health', make);
    const { error } = (await outcome(one.call())) as { readonly error: unknown };
    expect(String(error)).toMatch(/a bug in a filter|filter 'mine' of 'players' must give a function/);
    expect(counted(one, 'built')).toBe(1);
    expect(one.seen.map(({ name }) => name)).toEqual(['fault']);
    await nothingIsLeft(one);
  }
});

test('F83: an error of its own is the error of the call, and speaks against nobody', async () => {
  const { signal } = new AbortController();
  for (const role of [
    'trace',
    'breaker',
    'retry',
    'balance',
    'attempt-trace',
    'health',
    'load',
    'propagate',
  ] as const) {
    const one = before(role, () => () => Promise.reject(broken), { breaker: { minimum: 2 }, health: { failures: 1 } });
    for (let i = 0; i < 10; i++) expect(await outcome(one.call({}, { signal }))).toEqual({ error: broken });
    expect(meshOf(broken)?.service).toBe('players');
    expect(one.peer.waiting).toBe(0);
    expect(one.seen).toEqual([]);
    expect(counted(one, 'rejected')).toBe(10);
    await nothingIsLeft(one, signal);
  }
});

test('F83: an error of its own after one from below has that as its cause; one that came from below leaves as it was', async () => {
  class Translated extends Error {}
  const translating: Own = (next) => (req, ctx) =>
    next(req, ctx).catch((error: unknown) => {
      throw req.body === 'plain' ? error : new Translated('nobody is there');
    });
  const one = before('stats', translating, { retry: false });
  const failed = new Error('the socket hung up');
  const call = async (body: string) => {
    const reply = one.call({ body });
    one.peer.next().fail(failed);
    return (await outcome(reply)) as { readonly error: Error };
  };
  expect((await call('plain')).error).toBe(failed);
  expect(counted(one, 'rejected')).toBe(0);
  const { error } = await call('translated');
  expect(error).toBeInstanceOf(Translated);
  expect(error.cause).toBe(failed);
  expect(meshOf(error)?.attempts).toHaveLength(1);
  expect(counted(one, 'rejected')).toBe(1);
  await nothingIsLeft(one);
});

test('F83: a response that a filter fails after all is freed, and the endpoint has answered well', async () => {
  const strict: Own = (next) => async (req, ctx) => {
    await next(req, ctx);
    throw broken;
  };
  for (const role of ['stats', 'retry', 'attempt-trace', 'health', 'classify'] as const) {
    const one = before(role, strict, { health: { failures: 1 } });
    const reply = one.call();
    one.peer.next().reply(ok);
    expect(await outcome(reply)).toEqual({ error: broken });
    expect(one.peer.discarded).toEqual([ok]);
    expect(one.seen).toEqual([]);
    await nothingIsLeft(one);
  }
});

test('F83: what a filter fails while it is under way is cancelled there', async () => {
  const impatient: Own =
    (next, { clock }) =>
    (req, ctx) =>
      Promise.race([next(req, ctx), new Promise<never>((_, reject) => void clock.after(100, () => reject(broken)))]);
  for (const role of ['stats', 'retry', 'attempt-trace', 'health', 'propagate'] as const) {
    const one = before(role, impatient, { health: { failures: 1 } });
    const reply = one.call();
    const arrival = one.peer.next();
    await one.clock.advance(100);
    expect(await outcome(reply)).toEqual({ error: broken });
    expect(arrival.ctx.cancelled).toBe(broken);
    arrival.reply(ok); // too late
    await one.clock.advance(60_000);
    expect(one.peer.discarded).toEqual([ok]);
    expect(one.seen).toEqual([]);
    await nothingIsLeft(one);
  }
});

test('F83: what goes on below after a filter has answered ends as it would have, at the latest by its own limits', async () => {
  const refresh: Own = (next) => (req, ctx) => {
    next(req, ctx).catch(() => {});
    return Promise.resolve({ status: 200, body: 'kept' });
  };
  for (const role of ['stats', 'retry', 'balance', 'health', 'classify'] as const)
    for (const how of ['answers', 'fails', 'is silent'] as const) {
      const one = before(role, refresh);
      expect(await one.call()).toEqual({ status: 200, body: 'kept' });
      const arrival = one.peer.next();
      if (how === 'answers') arrival.reply(ok);
      else if (how === 'fails') arrival.fail(new Error('from below'));
      else await one.clock.advance(10_004);
      await one.clock.advance(0);
      await nothingIsLeft(one);
    }
});

test('F83: a filter that never lets go of a call holds it, and its place, until the deadline or its caller ends it', async () => {
  const stuck: Own = () => () => new Promise(() => {});
  const sendsFirst: Own = (next) => async (req, ctx) => {
    await next(req, ctx).catch(() => {});
    return new Promise(() => {});
  };
  for (const role of ['retry', 'balance', 'health', 'classify', 'propagate'] as const)
    for (const filter of [stuck, sendsFirst]) {
      const { signal } = new AbortController();
      const one = before(role, filter, { concurrency: 1, retry: false });
      const reply = one.call({}, { signal });
      await one.clock.advance(10_004);
      expect(await outcome(reply)).toMatchObject({ error: { code: /DEADLINE|ATTEMPT_TIMEOUT/ } });
      await one.clock.advance(10);
      await nothingIsLeft(one, signal);

      const given = new AbortController();
      const two = before(role, filter, { concurrency: 1, retry: false });
      const other = two.call({}, { signal: given.signal });
      await two.clock.advance(5);
      given.abort();
      expect(await outcome(other)).toMatchObject({ error: { code: 'MESH_CANCELLED' } });
      await two.clock.advance(10);
      await nothingIsLeft(two, given.signal);
    }
});

test('F83: a filter that holds a call that is over below is named by the error, which opens no breaker', async () => {
  const holding: Own = (next) => async (req, ctx) => {
    await next(req, ctx);
    return new Promise(() => {});
  };
  const one = before('deadline', holding, { breaker: { minimum: 1 }, deadlineMs: 100, retry: false });
  const reply = one.call();
  one.peer.next().reply({ status: 503 });
  await one.clock.advance(104);
  expect(await outcome(reply)).toMatchObject({
    error: { message: "filter 'mine' of 'players' did not let go of a call in time", inherited: false },
  });
  expect(one.target.breaker?.state).toBe('closed');
  await nothingIsLeft(one);
});

test('F83: calls that a filter holds until their deadline open no breaker', async () => {
  const one = before('retry', () => () => new Promise(() => {}), { breaker: { minimum: 2 }, deadlineMs: 100 });
  const replies = Array.from({ length: 10 }, () => one.call());
  await one.clock.advance(104);
  for (const reply of replies) expect(await outcome(reply)).toMatchObject({ error: { code: 'MESH_DEADLINE' } });
  expect(one.target.breaker?.state).toBe('closed');
  await nothingIsLeft(one);
});

test('F83: next goes down once for a call; a second time, late, or with a context that is not its own, it is refused', async () => {
  const twice: Own = (next) => async (req, ctx) => {
    await next(req, ctx);
    return next(req, ctx);
  };
  let lateNext: Promise<MockResponse> | undefined;
  const late: Own =
    (next, { clock }) =>
    (req, ctx) => {
      clock.after(10, () => {
        lateNext = next(req, ctx);
      });
      return Promise.resolve(ok);
    };
  const copied: Own = (next) => (req, ctx) => next(req, { ...ctx } as Context); // the types refuse it without the cast

  const one = before('retry', twice);
  const reply = one.call();
  one.peer.next().reply(ok);
  await expect(reply).rejects.toThrow("filter 'mine' of 'players' called next a second time for one call");
  expect(one.peer.waiting).toBe(0);

  const two = before('retry', late);
  expect(await two.call()).toEqual(ok);
  await two.clock.advance(10);
  await expect(lateNext).rejects.toThrow('called next after its call was over');

  const three = before('retry', copied);
  await expect(three.call()).rejects.toThrow('called next with another context than its own');
  for (const each of [one, two, three]) {
    expect(counted(each, 'next')).toBe(1);
    await nothingIsLeft(each);
  }
});

test('F83: a call of next that is refused, and forgotten, is no rejection that nobody handles', async () => {
  const unhandled: unknown[] = [];
  const note = (error: unknown) => void unhandled.push(error);
  process.on('unhandledRejection', note);
  const one = before('retry', (next) => (req, ctx) => {
    const sent = next(req, ctx);
    void next(req, ctx);
    return sent;
  });
  const reply = one.call();
  one.peer.next().reply(ok);
  expect(await reply).toEqual(ok);
  await one.clock.advance(1);
  process.off('unhandledRejection', note);
  expect(unhandled).toEqual([]);
  expect(counted(one, 'next')).toBe(1);
  await nothingIsLeft(one);
});

test('F83: a hook that throws, rejects or gives what is no error changes no call, and is counted', async () => {
  for (const hooks of [
    {
      start: () => {
        throw broken;
      },
    },
    {
      success: () => {
        throw broken;
      },
    },
    {
      success: (async () => {
        throw broken;
      }) as never,
    },
    { start: (() => 'no error') as never },
  ]) {
    const one = before(
      'retry',
      observe(() => hooks),
    );
    const reply = one.call();
    one.peer.next().reply(ok);
    expect(await reply).toEqual(ok);
    await one.clock.advance(1);
    expect(counted(one, 'hook')).toBeGreaterThan(0);
    expect(one.seen[0]).toMatchObject({ name: 'fault', event: { source: "filter 'mine' of 'players'" } });
    await nothingIsLeft(one);
  }
  for (const failure of [
    () => {
      throw broken;
    },
    async () => {
      throw broken;
    },
  ]) {
    const one = before(
      'retry',
      observe(() => ({ failure: failure as () => void })),
      { retry: false },
    );
    const reply = one.call();
    const failed = new Error('from below');
    one.peer.next().fail(failed);
    expect(await outcome(reply)).toEqual({ error: failed });
    await one.clock.advance(1);
    expect(counted(one, 'hook')).toBe(1);
    await nothingIsLeft(one);
  }
});

test('F83: a listener of a filter that throws keeps nobody from hearing that a call is over', async () => {
  const listening: Own = (next) => (req, ctx) => {
    const raise = () => {
      throw broken;
    };
    ctx.onEnd(raise);
    ctx.onCancel(raise);
    return next(req, ctx);
  };
  for (const role of ['stats', 'balance', 'health'] as const) {
    const one = before(role, listening, { concurrency: 1 });
    const reply = one.call();
    one.peer.next().reply(ok);
    expect(await reply).toEqual(ok);
    const given = new AbortController();
    const other = one.call({}, { signal: given.signal });
    given.abort();
    expect(await outcome(other)).toMatchObject({ error: { code: 'MESH_CANCELLED' } });
    expect(counted(one, 'hook')).toBe(3);
    await nothingIsLeft(one, given.signal);
  }
});

/** A filter that waits so long before each call goes on. */
const waiting =
  (ms: number): Own =>
  (next, { clock }) =>
  async (req, ctx) => {
    await new Promise<void>((resolve) => void clock.after(ms, resolve));
    return next(req, ctx);
  };
const leftIn = (ctx: Context) => ctx.headers[ctx.headers.indexOf('mesh-timeout-ms') + 1];

test.each(['retry', 'balance'] as const)(
  'F83: what a filter waits for before %s is no time of the endpoint',
  async (role) => {
    const one = before(role, waiting(4_000), { health: { failures: 1 } });
    const reply = one.call();
    await one.clock.advance(4_000);
    const arrival = one.peer.next();
    expect(leftIn(arrival.ctx)).toBe('3000');
    await one.clock.advance(20);
    arrival.reply(ok);
    expect(await reply).toEqual(ok);
    expect(arrival.ctx.finishedAt - arrival.ctx.startedAt).toBe(20);
    expect(one.seen).toEqual([]);
    await nothingIsLeft(one);
  },
);

test('F83: the time of a call is that of what its filters hold it up for as well', async () => {
  const holding: Own =
    (next, { clock }) =>
    async (req, ctx) => {
      const res = await next(req, ctx);
      await new Promise<void>((resolve) => void clock.after(100, resolve));
      return res;
    };
  const one = before('retry', holding);
  const reply = one.call();
  const arrival = one.peer.next();
  await one.clock.advance(20);
  arrival.reply(ok);
  await one.clock.advance(100);
  expect(await reply).toEqual(ok);
  const { parent } = arrival.ctx;
  expect(parent && parent.finishedAt - parent.startedAt).toBe(120);
  await nothingIsLeft(one);
});

test('F83: an attempt that runs out of time while a filter waits at its endpoint speaks against nobody', async () => {
  for (const role of ['attempt-timeout', 'propagate'] as const) {
    const one = before(role, waiting(20_000), { health: { failures: 1 }, retry: false });
    const reply = one.call();
    await one.clock.advance(10_004);
    expect(await outcome(reply)).toMatchObject({ error: { code: /TIMEOUT|DEADLINE/ } });
    expect(one.peer.waiting).toBe(0);
    expect(one.seen).toEqual([]);
    await one.clock.advance(10_000);
    await nothingIsLeft(one);
  }
});

test('F68: a server is told the time that is left after a filter let the attempt go on', async () => {
  const one = before('propagate', waiting(1_000));
  const reply = one.call();
  await one.clock.advance(1_000);
  const arrival = one.peer.next();
  expect(leftIn(arrival.ctx)).toBe('2000');
  arrival.reply(ok);
  expect(await reply).toEqual(ok);
  await nothingIsLeft(one);
});

/** What filters do that nobody should write. */
const misdeeds: Readonly<Record<string, Own>> = {
  throws: () => () => {
    throw broken;
  },
  rejects: () => () => Promise.reject(broken),
  'rejects with no error': () => () => Promise.reject('text' as never),
  answers: () => () => Promise.resolve(ok),
  'gives no promise': () => () => ok as never,
  hangs: () => () => new Promise(() => {}),
  'throws after next': (next) => (req, ctx) => {
    void next(req, ctx);
    throw broken;
  },
  'rejects after next': (next) => async (req, ctx) => {
    await next(req, ctx);
    throw broken;
  },
  'hangs after next': (next) => async (req, ctx) => {
    await next(req, ctx).catch(() => {});
    return new Promise(() => {});
  },
  'answers before next is done': (next) => (req, ctx) => {
    void next(req, ctx);
    return Promise.resolve(ok);
  },
  'answers whatever comes': (next) => (req, ctx) => next(req, ctx).catch(() => ok),
  'sends twice at once': (next) => (req, ctx) => {
    void next(req, ctx);
    return next(req, ctx);
  },
  'is an observer that refuses': observe(() => ({ start: () => broken })),
  'is an observer that fails what is well': observe(() => ({ success: () => broken })),
};

test.each(Object.keys(misdeeds))(
  'F83: a filter that %s leaves nothing behind, wherever it stands, and good calls pass',
  async (name) => {
    const misdeed = misdeeds[name] as Own;
    for (const { role } of [...clientRoles, ...endpointRoles])
      for (const peer of ['answers', 'fails', 'is silent'] as const) {
        const filter: Own = (next, scope) => {
          const wrong = misdeed(next, scope);
          return (req, ctx) => (req.body === 'bad' ? wrong(req, ctx) : next(req, ctx));
        };
        const given = new AbortController();
        const one = before(role, filter, { breaker: false });
        const reply = one.call({ body: 'bad' }, { signal: given.signal });
        const settle = () => {
          while (one.peer.waiting > 0) {
            const arrival = one.peer.next();
            if (peer === 'answers') arrival.reply(ok);
            else if (peer === 'fails') arrival.fail(new Error('from below'));
          }
        };
        for (let i = 0; i < 5; i++) {
          settle();
          await one.clock.advance(4_000);
        }
        // Outside of the deadline nothing but its caller ends a call that a filter does not let go of.
        if ((await outcome(reply)) === 'pending') given.abort();
        await one.clock.advance(10);
        expect([role, peer, await outcome(reply)]).not.toContain('pending');
        const good = one.call({ body: 'good' });
        one.peer.next().reply(ok);
        expect([role, peer, await good]).toEqual([role, peer, ok]);
        await nothingIsLeft(one, given.signal);
      }
  },
);
