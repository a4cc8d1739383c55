import { expect, test } from 'vitest';
import { ConfigError } from '../../src/core/errors.ts';
import type { MeshEvents } from '../../src/core/events.ts';
import { type Filter, LATE, type Observer } from '../../src/core/filter.ts';
import { observe } from '../../src/core/observe.ts';
import { clientRoles, endpointRoles, type Place } from '../../src/core/roles.ts';
import type { Service } from '../../src/core/service.ts';
import { Stack } from '../../src/core/stack.ts';
import { callTo, scopeOf } from '../support/scope.ts';

type TestFilter = Filter<string, string>;

const order: readonly Place[] = [
  { role: 'outer', on: true, why: 'sees everything' },
  { role: 'middle', on: true, why: 'stands between' },
  { role: 'inner', on: true, why: 'is next to the peer' },
];

const pass: TestFilter = (next) => next;

/** A filter that wraps itself around request and response, as a loop would. */
const around =
  (name: string): TestFilter =>
  (next) =>
  async (req, ctx) =>
    `${name}(${await next(`${req}>${name}`, ctx)})`;

/** A filter that only looks, and writes down when. */
const looking = (name: string, log: string[], hooks: Observer<string, string> = {}): TestFilter =>
  observe(() => ({
    start(req, ctx) {
      log.push(`${name} start`);
      return hooks.start?.(req, ctx);
    },
    success(res, ctx) {
      log.push(`${name} success ${res}`);
      return hooks.success?.(res, ctx);
    },
    failure(error, ctx) {
      log.push(`${name} failure ${error instanceof Error ? error.message : error}`);
      hooks.failure?.(error, ctx);
    },
  }));

const echo: Service<string, string> = (req) => Promise.resolve(req);

function run(layers: readonly (readonly [string, TestFilter])[], peer: Service<string, string> = echo) {
  const scope = scopeOf();
  const faults: MeshEvents['fault'][] = [];
  scope.events.on('fault', (fault) => faults.push(fault));
  const service = Stack.of<string, string>(order, layers).build(peer, scope);
  return { faults, call: (req = 'hello') => service(req, callTo()) };
}

const stack = () =>
  Stack.of<string, string>(order, [
    ['outer', around('o')],
    ['middle', around('m')],
    ['inner', around('i')],
  ]);
const callThrough = (it: Stack<string, string>) => it.build(echo, scopeOf())('x', callTo());

test('the outermost filter is first on the way down and last on the way up', async () => {
  expect(await callThrough(stack())).toBe('o(m(i(x>o>m>i)))');
});

test('a stack without filters is the peer itself', () => {
  expect(Stack.of<string, string>(order, []).build(echo, scopeOf())).toBe(echo);
});

test('a filter that passes the call on costs no layer', () => {
  expect(Stack.of<string, string>(order, [['outer', pass]]).build(echo, scopeOf())).toBe(echo);
});

test('a filter is built once per stack, not per call', async () => {
  let built = 0;
  const counted: TestFilter = (next) => {
    built++;
    return next;
  };
  const { call } = run([['outer', counted]]);
  await call();
  await call();
  expect(built).toBe(1);
});

test('a filter can be put directly outside or inside of another', async () => {
  const changed = stack().insertBefore('middle', 'mine', around('B')).insertAfter('middle', 'yours', around('A'));
  expect(changed.roles).toEqual(['outer', 'mine', 'middle', 'yours', 'inner']);
  expect(await callThrough(changed)).toBe('o(B(m(A(i(x>o>B>m>A>i)))))');
});

test('a filter can be put at both ends', () => {
  const changed = stack().insertBefore('outer', 'first', pass).insertAfter('inner', 'last', pass);
  expect(changed.roles).toEqual(['first', 'outer', 'middle', 'inner', 'last']);
});

test('a filter can be replaced and removed', async () => {
  expect(await callThrough(stack().replace('middle', around('R')))).toBe('o(R(i(x>o>R>i)))');
  expect(await callThrough(stack().remove('middle'))).toBe('o(i(x>o>i))');
});

test('a change makes a new stack and leaves the old one as it was', async () => {
  const before = stack();
  before.remove('middle');
  before.replace('outer', pass);
  before.insertBefore('outer', 'mine', pass);
  expect(before.roles).toEqual(['outer', 'middle', 'inner']);
  expect(await callThrough(before)).toBe('o(m(i(x>o>m>i)))');
});

test('a role that is not there is refused, and the message says which ones are', () => {
  const message = "the stack has no filter 'retyr'; it has outer, middle, inner";
  expect(() => stack().insertBefore('retyr', 'mine', pass)).toThrow(new ConfigError(message));
  expect(() => stack().insertAfter('retyr', 'mine', pass)).toThrow(message);
  expect(() => stack().replace('retyr', pass)).toThrow(message);
  expect(() => stack().remove('retyr')).toThrow(message);
});

test('a role stands in a stack at most once', () => {
  expect(() => stack().insertBefore('outer', 'inner', pass)).toThrow(
    new ConfigError("the stack already has a filter 'inner'"),
  );
  expect(() =>
    Stack.of<string, string>(order, [
      ['outer', pass],
      ['outer', pass],
    ]),
  ).toThrow("the stack already has a filter 'outer'");
});

test('known roles out of order are refused, and the message gives the reason for their order', () => {
  const wrong = stack().remove('inner').insertBefore('outer', 'inner', pass);
  expect(() => wrong.build(echo, scopeOf())).toThrow(
    new ConfigError("'outer' must stand outside of 'inner' (outer: sees everything; inner: is next to the peer)"),
  );
});

test('filters of the application stand wherever they were put', () => {
  const mine = Stack.of<string, string>(order, [
    ['z', pass],
    ['outer', pass],
    ['a', pass],
    ['inner', pass],
    ['b', pass],
  ]);
  expect(mine.build(echo, scopeOf())).toBe(echo);
});

test('a stack prints its roles with the reasons for their places', () => {
  expect(String(stack().insertBefore('inner', 'mine', pass))).toBe(
    [
      'outer   sees everything',
      'middle  stands between',
      'mine    added by the application',
      'inner   is next to the peer',
    ].join('\n'),
  );
  expect(String(Stack.of<string, string>(order, []))).toBe('');
});

test('each role of the default stacks is there once and has a reason', () => {
  for (const roles of [clientRoles, endpointRoles]) {
    expect(new Set(roles.map(({ role }) => role)).size).toBe(roles.length);
    for (const { why } of roles) expect(why.length).toBeGreaterThan(10);
  }
});

test('neighbouring observers keep the order they would have on their own', async () => {
  const log: string[] = [];
  const { call } = run([
    ['outer', looking('outer', log)],
    ['middle', looking('middle', log)],
    ['inner', looking('inner', log)],
  ]);
  expect(await call('hi')).toBe('hi');
  expect(log).toEqual([
    'outer start',
    'middle start',
    'inner start',
    'inner success hi',
    'middle success hi',
    'outer success hi',
  ]);
});

test('observers keep their order around a filter that does more', async () => {
  const log: string[] = [];
  const { call } = run([
    ['a', looking('a', log)],
    ['b', looking('b', log)],
    ['loop', around('loop')],
    ['c', looking('c', log)],
  ]);
  expect(await call('hi')).toBe('loop(hi>loop)');
  expect(log).toEqual([
    'a start',
    'b start',
    'c start',
    'c success hi>loop',
    'b success loop(hi>loop)',
    'a success loop(hi>loop)',
  ]);
});

test('neighbouring observers share one promise', async () => {
  let promises = 0;
  class Counted<T> extends Promise<T> {
    // biome-ignore lint/suspicious/noThenProperty: it counts who asks for the outcome of a promise
    override then<A = T, B = never>(
      ok?: ((value: T) => A | PromiseLike<A>) | null,
      failed?: ((reason: unknown) => B | PromiseLike<B>) | null,
    ): Promise<A | B> {
      promises++;
      return super.then(ok, failed);
    }
  }
  const { call } = run(
    ['a', 'b', 'c', 'd', 'e'].map((name) => [name, looking(name, [])] as const),
    (req) => Counted.resolve(req),
  );
  const reply = call();
  expect(promises).toBe(1);
  await reply;
});

test('an observer outside of a stack works the same', async () => {
  const log: string[] = [];
  const service = looking('alone', log)(echo, scopeOf());
  expect(await service('hi', callTo())).toBe('hi');
  expect(log).toEqual(['alone start', 'alone success hi']);
});

test('a failure is seen by all observers, the innermost first, and leaves as it was', async () => {
  const log: string[] = [];
  const broken = new Error('broken');
  const { call } = run(
    [
      ['a', looking('a', log)],
      ['b', looking('b', log)],
    ],
    () => Promise.reject(broken),
  );
  await expect(call()).rejects.toBe(broken);
  expect(log).toEqual(['a start', 'b start', 'b failure broken', 'a failure broken']);
});

test('a refusal at the start goes no further down, and is a failure only for those outside', async () => {
  const log: string[] = [];
  const refusal = new Error('no');
  const { call } = run(
    [
      ['a', looking('a', log)],
      ['b', looking('b', log, { start: () => refusal })],
      ['c', looking('c', log)],
    ],
    (req) => {
      log.push('sent');
      return Promise.resolve(req);
    },
  );
  await expect(call()).rejects.toBe(refusal);
  expect(log).toEqual(['a start', 'b start', 'a failure no']);
});

test('an error in place of a response is a failure for those outside', async () => {
  const log: string[] = [];
  const instead = new Error('bad response');
  const { call } = run([
    ['a', looking('a', log)],
    ['b', looking('b', log, { success: () => instead })],
    ['c', looking('c', log)],
  ]);
  await expect(call('hi')).rejects.toBe(instead);
  expect(log).toEqual(['a start', 'b start', 'c start', 'c success hi', 'b success hi', 'a failure bad response']);
});

test('a hook that throws is reported as a fault, and the call goes on', async () => {
  const thrown = new Error('a bug in a hook');
  const raise = () => {
    throw thrown;
  };
  for (const hook of ['start', 'success'] as const) {
    const log: string[] = [];
    const { call, faults } = run([
      ['a', looking('a', log)],
      ['b', looking('b', log, { [hook]: raise })],
      ['c', looking('c', log)],
    ]);
    expect(await call('hi')).toBe('hi');
    expect(faults).toEqual([{ source: "filter 'b' of 'players'", error: thrown }]);
    expect(log).toEqual(['a start', 'b start', 'c start', 'c success hi', 'b success hi', 'a success hi']);
  }

  const log: string[] = [];
  const broken = new Error('broken');
  const { call, faults } = run(
    [
      ['a', looking('a', log)],
      ['b', looking('b', log, { failure: raise })],
    ],
    () => Promise.reject(broken),
  );
  await expect(call()).rejects.toBe(broken);
  expect(faults).toEqual([{ source: "filter 'b' of 'players'", error: thrown }]);
  expect(log).toEqual(['a start', 'b start', 'b failure broken', 'a failure broken']);
});

test('a filter that throws instead of rejecting fails the call, and those outside see it', async () => {
  const log: string[] = [];
  const thrown = new Error('thrown at once');
  const throws: TestFilter = () => () => {
    throw thrown;
  };
  const { call } = run([
    ['a', looking('a', log)],
    ['b', looking('b', log)],
    ['throws', throws],
  ]);
  const reply = call();
  await expect(reply).rejects.toBe(thrown);
  expect(log).toEqual(['a start', 'b start', 'b failure thrown at once', 'a failure thrown at once']);
});

/** An observer that bounds its calls, and writes down what came too late. */
const bounding = (name: string, log: string[], hooks: Observer<string, string> = {}): TestFilter =>
  observe(() => ({
    ...hooks,
    success: (res) => void log.push(`${name} success ${res}`),
    failure: (error) => void log.push(`${name} failure ${error instanceof Error ? error.message : error}`),
    [LATE]: (res) => void log.push(`${name} late ${res}`),
  }));

/** Observers inside and outside of one that bounds its calls, around a peer that answers when it is told to. */
function boundedCall(hooks: Observer<string, string> = {}, layers?: readonly (readonly [string, TestFilter])[]) {
  const log: string[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const scope = scopeOf();
  const ctx = callTo();
  const service = Stack.of<string, string>(
    order,
    layers ?? [
      ['out', looking('out', log)],
      ['bound', bounding('bound', log)],
      ['in', looking('in', log, hooks)],
    ],
  ).build(() => promise, scope);
  return { log, ctx, answer: resolve, fail: reject, reply: service('hi', ctx) };
}

test('an observer that bounds the call changes nothing where nobody gives it up', async () => {
  const well = boundedCall();
  well.answer('hello');
  expect(await well.reply).toBe('hello');
  expect(well.log).toEqual(['out start', 'in start', 'in success hello', 'bound success hello', 'out success hello']);
  const broken = new Error('broken');
  const bad = boundedCall();
  bad.fail(broken);
  await expect(bad.reply).rejects.toBe(broken);
  expect(bad.log).toEqual(['out start', 'in start', 'in failure broken', 'bound failure broken', 'out failure broken']);
});

test('a call that is cancelled is over for those outside of the bound at once, and for those inside with its reply', async () => {
  const { log, ctx, answer, reply } = boundedCall();
  const reason = new Error('given up');
  ctx.cancel(reason);
  expect(log).toEqual(['out start', 'in start']); // nobody hears of it from within `cancel`
  await expect(reply).rejects.toBe(reason);
  expect(log.splice(0)).toEqual(['out start', 'in start', 'bound failure given up', 'out failure given up']);
  answer('hello');
  await new Promise(setImmediate);
  expect(log).toEqual(['in success hello', 'bound late hello']);

  const failed = boundedCall();
  failed.ctx.cancel(reason);
  failed.fail(new Error('aborted'));
  await expect(failed.reply).rejects.toBe(reason);
  expect(failed.log.slice(2).toSorted()).toEqual([
    'bound failure given up',
    'in failure aborted',
    'out failure given up',
  ]);
});

test('a call that was answered before it is cancelled stays answered', async () => {
  const { log, ctx, answer, reply } = boundedCall();
  answer('hello');
  expect(await reply).toBe('hello');
  ctx.cancel(new Error('given up'));
  await new Promise(setImmediate);
  expect(log.slice(2)).toEqual(['in success hello', 'bound success hello', 'out success hello']);
});

test('a refusal inside of the bound, at the start or in place of a response, is a failure for those outside', async () => {
  const no = new Error('no');
  const refused = boundedCall({ start: () => no });
  await expect(refused.reply).rejects.toBe(no);
  expect(refused.log).toEqual(['out start', 'in start', 'bound failure no', 'out failure no']);
  const turned = boundedCall({ success: () => no });
  turned.answer('hello');
  await expect(turned.reply).rejects.toBe(no);
  expect(turned.log.slice(2)).toEqual(['in success hello', 'bound failure no', 'out failure no']);
});

test('a filter that throws inside of the bound fails the call for all outside of it', async () => {
  const log: string[] = [];
  const thrown = new Error('thrown at once');
  const { call } = run([
    ['out', looking('out', log)],
    ['bound', bounding('bound', log)],
    ['in', looking('in', log)],
    [
      'throws',
      () => () => {
        throw thrown;
      },
    ],
  ]);
  await expect(call()).rejects.toBe(thrown);
  expect(log.slice(2)).toEqual([
    'in failure thrown at once',
    'bound failure thrown at once',
    'out failure thrown at once',
  ]);
});

test('of two observers that bound the call each does so for those outside of it', async () => {
  const log: string[] = [];
  const { ctx, answer, reply } = boundedCall({}, [
    ['a', bounding('a', log)],
    ['b', looking('b', log)],
    ['c', bounding('c', log)],
  ]);
  ctx.cancel(new Error('given up'));
  await expect(reply).rejects.toThrow('given up');
  await new Promise(setImmediate);
  expect(log.splice(0).toSorted()).toEqual([
    'a failure given up',
    'b failure given up',
    'b start',
    'c failure given up',
  ]);
  answer('hello');
  await new Promise(setImmediate);
  expect(log).toEqual(['c late hello']);
});
