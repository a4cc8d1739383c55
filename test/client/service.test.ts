import { getEventListeners } from 'node:events';
import { afterEach, expect, test, vi } from 'vitest';
import { runAmbient } from '../../src/core/ambient.ts';
import type { NotRetried, SendOptions, ServiceOptions } from '../../src/index.ts';
import { type MeshEvents, meshOf, observe } from '../../src/index.ts';
import { outcome } from '../support/harness.ts';
import { functionSetup } from './function-setup.ts';
import { counted } from './setup.ts';

interface Query {
  readonly of: string;
}
interface Row {
  readonly name: string;
}

afterEach(() => {
  vi.useRealTimers();
});

const row: Row = { name: 'Ann' };
const query: Query = { of: 'Ann' };

/** A service `ledger` of three instances, whose sends the test settles, in time that the test moves. */
const setup = (options?: SendOptions<Query, Row>, defaults: ServiceOptions = {}) =>
  functionSetup<Query, Row>(
    { discard: undefined, ...options },
    {
      registry: { ledger: ['http://10.0.0.1:5432', 'http://10.0.0.2:5432', 'http://10.0.0.3:5432'] },
      defaults,
    },
  );

const refused = () =>
  Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', syscall: 'connect', port: 5432 });

test('a call is sent to an instance, with what is known of the attempt, and its answer comes back', async () => {
  const { call, next, mesh } = setup();
  const reply = call(query);
  const { request: asked, attempt, resolve } = next();
  expect(asked).toBe(query);
  expect(attempt.endpoint).toMatchObject({ service: 'ledger', port: 5432 });
  expect(attempt.endpoint.host).toMatch(/^10\.0\.0\.[123]$/);
  expect(attempt.attempt).toBe(1);
  expect(attempt.deadlineMs).toBe(3_000);
  expect(attempt.signal.aborted).toBe(false);
  expect(attempt.headers).toMatchObject({
    'mesh-caller': 'teams',
    'mesh-target': `ledger;${attempt.endpoint.id}`,
    'mesh-timeout-ms': '3000',
  });
  expect(attempt.headers['traceparent']).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/);
  resolve(row);
  expect(await reply).toBe(row);
  expect(counted(mesh, 'calls', { service: 'ledger', binding: 'service', outcome: 'success' })).toBe(1);
  expect(mesh.explain('ledger').endpoints.map(({ running }) => running)).toEqual([0, 0, 0]);
});

test('what the function throws is the error of the call, sent once when nothing is known of it, and speaks against nobody', async () => {
  const { call, next, sent, mesh } = setup({ idempotent: () => true });
  for (const thrown of [new Error('deadlock detected'), 'a text']) {
    const reply = call(query);
    next().reject(thrown);
    expect(await outcome(reply)).toEqual({ error: thrown });
    expect(sent).toHaveLength(0);
  }
  expect(counted(mesh, 'attempts', { outcome: 'failure' })).toBe(0);

  const thrown = new Error('thrown at once');
  const hasty = mesh.service('ledger', () => {
    throw thrown;
  });
  await expect(hasty(undefined)).rejects.toBe(thrown);
  expect(meshOf(thrown)?.attempts).toHaveLength(1);
});

test('a refused connection is tried elsewhere at once, whatever was asked; the last such error is that of the call', async () => {
  const { call, next } = setup();
  const reply = call(query);
  const first = next();
  first.reject(refused());
  await outcome(reply);
  const second = next();
  expect(second.attempt.endpoint.id).not.toBe(first.attempt.endpoint.id);
  expect(second.attempt.attempt).toBe(2);
  second.resolve(row);
  expect(await reply).toBe(row);

  const failing = call(query);
  const last = refused();
  for (const error of [refused(), refused(), last]) {
    next().reject(error);
    await outcome(failing);
  }
  expect(await outcome(failing)).toEqual({ error: last });
  expect(meshOf(last)?.attempts).toHaveLength(3);
  expect(meshOf(last)?.notRetried).toBe('attempts');
});

test('what classify calls retryable is sent again when it is idempotent, and a nack always', async () => {
  const options: SendOptions<Query, Row> = {
    idempotent: ({ of }) => of === 'read',
    classify: (told) => ('error' in told && told.error === busy ? 'retryable' : 'error' in told ? 'nack' : undefined),
  };
  const busy = new Error('busy');
  const { call, next, sent, clock } = setup(options);

  const read = call({ of: 'read' });
  next().reject(busy);
  await clock.advance(250);
  next().resolve(row);
  expect(await read).toBe(row);

  const write = call({ of: 'write' });
  next().reject(busy);
  await clock.advance(250);
  expect(await outcome(write)).toEqual({ error: busy });
  expect(sent).toHaveLength(0);

  const again = call({ of: 'write' });
  next().reject(new Error('not taken'));
  await outcome(again);
  next().resolve(row);
  expect(await again).toBe(row);
});

test.each<[NotRetried, ServiceOptions, SendOptions<Query, Row>]>([
  ['attempts', { retry: { attempts: 1 } }, { idempotent: () => true }],
  ['budget', { retry: { budgetRatio: 0, budgetPerSecond: 0 } }, { idempotent: () => true }],
  ['resend', {}, {}],
  [
    'retry-after',
    {},
    { idempotent: () => true, responseHeader: (_, name) => (name === 'retry-after' ? '60' : undefined) },
  ],
])(
  'F64: what a function gave in the end is known not to have been tried again because of %s',
  async (why, defaults, options) => {
    const { call, next, mesh } = setup({ ...options, classify: () => 'retryable' }, defaults);
    const reply = call(query);
    const last: Row = { name: 'busy' };
    next().resolve(last);
    expect(await reply).toBe(last);
    expect(meshOf(last)).toMatchObject({ service: 'ledger', notRetried: why, attempts: [{ verdict: 'retryable' }] });
    expect(Object.keys(last)).toEqual(['name']);
    expect(counted(mesh, 'retries_refused', { reason: why })).toBe(1);
    // Of a call that ended well the answer is as it was given.
    const fine = setup(options);
    const well = fine.call(query);
    fine.next().resolve(row);
    expect(meshOf(await well)).toBe(undefined);
  },
);

test('a response that is retryable is freed and sent again; the last one is the answer', async () => {
  const freed: Row[] = [];
  const { call, next, clock, mesh } = setup({
    idempotent: () => true,
    classify: (told) => ('response' in told && told.response.name === 'later' ? 'retryable' : undefined),
    discard: (response) => freed.push(response),
  });
  const reply = call(query);
  for (const name of ['later', 'later', 'later']) {
    next().resolve({ name });
    await clock.advance(250);
  }
  expect(await reply).toEqual({ name: 'later' });
  expect(freed).toEqual([{ name: 'later' }, { name: 'later' }]);
  expect(counted(mesh, 'attempts', { outcome: 'failure' })).toBe(3);
});

test('an instance that fails is taken out, and an error that proves it well is none of its failures', async () => {
  const missing = new Error('no such row');
  const { call, next, mesh } = setup({
    classify: (told) => ('error' in told ? (told.error === missing ? 'success' : 'failure') : undefined),
  });
  const events: MeshEvents['endpoint'][] = [];
  mesh.on('endpoint', (event) => events.push(event));
  for (let i = 0; i < 60; i++) {
    const reply = call(query);
    next().reject(missing);
    expect(await outcome(reply)).toEqual({ error: missing });
  }
  expect(events).toEqual([]);
  expect(mesh.explain('ledger').endpoints.every(({ meanMs }) => meanMs !== undefined)).toBe(true);
  for (let i = 0; i < 20; i++) {
    const reply = call(query);
    next().reject(new Error('broken'));
    await outcome(reply);
  }
  expect(events[0]?.health).toBe('down');
});

test('an error that proves the service well closes its breaker', async () => {
  // opossum sets its own timer for the next probe and takes no clock.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  let well = false;
  const { call, sent, next, mesh, clock } = setup(
    { classify: (told) => ('error' in told ? (well ? 'success' : 'failure') : undefined) },
    { breaker: { minimum: 5 }, health: false },
  );
  for (let i = 0; i < 6; i++) {
    const reply = call(query);
    if (sent.length > 0) next().reject(new Error('broken'));
    await outcome(reply);
  }
  expect(mesh.explain('ledger').breaker.state).toBe('open');
  expect(await outcome(call(query))).toMatchObject({ error: { code: 'MESH_BREAKER_OPEN' } });
  await clock.advance(10_000);
  vi.advanceTimersByTime(10_000);
  well = true;
  const probe = call(query);
  next().reject(new Error('no such row'));
  await outcome(probe);
  expect(mesh.explain('ledger').breaker.state).toBe('closed');
});

test('an attempt that takes too long is aborted and sent elsewhere; its late answer is freed', async () => {
  const freed: Row[] = [];
  const { call, next, clock } = setup({ idempotent: () => true, discard: (response) => freed.push(response) });
  const reply = call(query);
  const slow = next();
  const { signal } = slow.attempt;
  await clock.advance(3_000);
  expect(signal.aborted).toBe(true);
  expect(signal.reason).toMatchObject({ code: 'MESH_ATTEMPT_TIMEOUT' });
  await clock.advance(250);
  const second = next();
  expect(second.attempt.endpoint.id).not.toBe(slow.attempt.endpoint.id);
  slow.resolve({ name: 'too late' });
  second.resolve(row);
  expect(await reply).toBe(row);
  expect(freed).toEqual([{ name: 'too late' }]);
});

test('the deadline of a call ends it, and the time left is told to each attempt', async () => {
  const { call, next, clock } = setup({ idempotent: () => true, retry: { baseMs: 0, maxMs: 0 } });
  const reply = call(query, { deadlineMs: 4_000 });
  const first = next();
  expect(first.attempt.deadlineMs).toBe(3_000);
  await clock.advance(3_000);
  const second = next();
  expect(second.attempt.deadlineMs).toBe(1_000);
  expect(second.attempt.headers['mesh-timeout-ms']).toBe('1000');
  expect(second.attempt.headers['mesh-attempt']).toBe('2');
  const { signal } = second.attempt;
  await clock.advance(1_000);
  expect(await outcome(reply)).toMatchObject({ error: { code: 'MESH_DEADLINE' } });
  expect(signal.aborted).toBe(true);
});

test('a call that had a limit of its own was not bound by a request, and its end speaks against nobody', async () => {
  const { call, next, clock, mesh } = setup({ health: { failures: 1 }, breaker: { minimum: 1 } });
  const reply = call(query, { deadlineMs: 100 });
  next();
  await clock.advance(100);
  expect(await outcome(reply)).toMatchObject({
    error: { code: 'MESH_DEADLINE', inherited: false, message: "the call to 'ledger' did not end within 100 ms" },
  });
  // Nor is it where the request leaves more time than the call wants.
  const ambient = { trace: undefined, baggage: '', deadline: clock.now() + 1_000, retried: false };
  const narrowed = runAmbient(ambient, () => call(query, { deadlineMs: 100 }));
  next();
  await clock.advance(100);
  expect(await outcome(narrowed)).toMatchObject({ error: { code: 'MESH_DEADLINE', inherited: false } });
  const { breaker, endpoints } = mesh.explain('ledger');
  expect([breaker.state, ...endpoints.map(({ health }) => health)]).toEqual(['closed', 'up', 'up', 'up']);
});

test('a call without limits has all the time there is', async () => {
  const { call, next } = setup({ deadlineMs: false, attemptTimeoutMs: false });
  const reply = call(query);
  const { attempt, resolve } = next();
  expect(attempt.deadlineMs).toBe(Number.POSITIVE_INFINITY);
  resolve(row);
  expect(await reply).toBe(row);
});

test('a call that its caller gives up is aborted, and leaves nothing on its signal', async () => {
  const { call, next, mesh } = setup();
  const given = new AbortController();
  const reply = call(query, { signal: given.signal });
  const { signal } = next().attempt;
  given.abort(new Error('enough'));
  expect(await outcome(reply)).toMatchObject({ error: { code: 'MESH_CANCELLED', cause: { message: 'enough' } } });
  expect(signal.aborted).toBe(true);
  expect(getEventListeners(given.signal, 'abort')).toHaveLength(0);
  expect(counted(mesh, 'attempts', { outcome: 'failure' })).toBe(0);
});

test('limits of a call narrow those of the service, and are checked', async () => {
  const { call, next, sent } = setup({ idempotent: () => true });
  const reply = call(query, { attempts: 1 });
  next().reject(refused());
  expect(await outcome(reply)).toMatchObject({ error: { code: 'ECONNREFUSED' } });
  expect(sent).toHaveLength(0);
  await expect(call(query, { deadlineMs: 0 })).rejects.toThrow('deadlineMs must be');
  await expect(call(query, { attempts: 0 })).rejects.toThrow('attempts must be');
});

test('calls beyond the concurrency of the service are refused, and settings of its own make it another client', async () => {
  const { call, next, mesh } = setup({ concurrency: 1 });
  const first = call(query);
  expect(await outcome(call(query))).toMatchObject({ error: { code: 'MESH_REFUSED', reason: 'concurrency' } });
  const other = mesh.service<Query, Row>('ledger', async () => row);
  expect(await other(query)).toBe(row);
  next().resolve(row);
  expect(await first).toBe(row);
});

test('a call that is late is sent to a second instance as well, when it is idempotent and the service is hedged', async () => {
  const { call, next, sent, clock } = setup(
    { idempotent: ({ of }) => of === 'read', operation: ({ of }) => of },
    { hedge: { budgetRatio: 0.1 } },
  );
  for (let i = 0; i < 200; i++) {
    const reply = call({ of: 'read' });
    await clock.advance(i < 100 ? 20 : 5);
    next().resolve(row);
    await reply;
  }
  const late = call({ of: 'read' });
  const first = next();
  const { signal } = first.attempt;
  await clock.advance(25);
  const second = next();
  expect(second.attempt.endpoint.id).not.toBe(first.attempt.endpoint.id);
  second.resolve({ name: 'second' });
  expect(await late).toEqual({ name: 'second' });
  expect(signal.aborted).toBe(true);

  const write = call({ of: 'write' });
  const only = next();
  await clock.advance(25);
  expect(sent).toHaveLength(0);
  only.resolve(row);
  expect(await write).toBe(row);
});

test('calls with the same key go to the same instance', async () => {
  const { call, next, mesh, faults } = setup({
    balancer: { kind: 'ring-hash', hashOn: { header: 'row' } },
    header: ({ of }, name) => (of === 'bug' ? (7 as never) : name === 'row' ? of : undefined),
  });
  const hostOf = async (of: string) => {
    const reply = call({ of });
    const { attempt, resolve } = next();
    resolve(row);
    await reply;
    return attempt.endpoint.host;
  };
  const used = new Set<string>();
  for (let i = 0; i < 50; i++) {
    const host = await hostOf(`row ${i}`);
    used.add(host);
    expect(await hostOf(`row ${i}`)).toBe(host);
  }
  expect(used.size).toBe(3);
  await hostOf('bug');
  expect(counted(mesh, 'filter_faults', { filter: 'header', fault: 'hook' })).toBe(1);
  expect(faults.map(({ source }) => source)).toEqual(["filter 'header' of 'ledger'"]);
});

test('F83: what the functions of the options throw, or give wrongly, is counted and told, and changes no call', async () => {
  const raise = (): never => {
    throw new Error('a bug');
  };
  const { call, next, mesh, faults, clock } = setup({
    idempotent: raise,
    operation: () => '',
    classify: raise,
    discard: raise,
  });
  const reply = call(query);
  next().resolve(row);
  expect(await reply).toBe(row);
  const failing = call(query);
  next().reject(refused());
  await outcome(failing);
  const slow = next();
  await clock.advance(10_000);
  slow.resolve(row);
  expect(await outcome(failing)).toMatchObject({ error: { code: 'MESH_ATTEMPT_TIMEOUT' } });
  for (const name of ['idempotent', 'operation', 'classify', 'discard'])
    expect([name, counted(mesh, 'filter_faults', { service: 'ledger', filter: name, fault: 'hook' }) > 0]).toEqual([
      name,
      true,
    ]);
  expect(new Set(faults.map(({ source }) => source))).toEqual(
    new Set(['idempotent', 'operation', 'classify', 'discard'].map((name) => `filter '${name}' of 'ledger'`)),
  );
});

test('options that are wrong are refused when it is made', () => {
  const { mesh } = setup();
  const make = (options: object) => () => mesh.service('ledger', async () => row, options);
  expect(make({ idempotnet: () => true })).toThrow("service('ledger') has no option 'idempotnet'");
  expect(make({ idempotent: true })).toThrow("service('ledger').idempotent must be a function, not true");
  expect(make({ classify: 'success' })).toThrow("service('ledger').classify must be a function, not 'success'");
  expect(make({ deadlineMs: 0 })).toThrow("service('ledger').deadlineMs must be");
  expect(make({ connections: {} })).toThrow("service('ledger').connections must be left out");
  expect(make({ filters: 1 })).toThrow("filters of service('ledger') must be a function, not 1");
  expect(() => mesh.service('ledger', 7 as never)).toThrow("send of service('ledger') must be a function, not 7");
  expect(() => mesh.service('LEDGER', async () => row)).toThrow('service must be a service name');
});

test('its filters see its requests, and explain tells where they stand', async () => {
  const seen: Query[] = [];
  const { call, next, mesh } = setup({
    filters: (stack) =>
      stack.insertBefore(
        'retry',
        'audit',
        observe(() => ({ start: (asked) => void seen.push(asked) })),
      ),
  });
  const reply = call(query);
  next().resolve(row);
  await reply;
  expect(seen).toEqual([query]);
  expect(mesh.explain('ledger').filters).toEqual([{ name: 'audit', place: 'before retry', of: "service('ledger')" }]);
  expect(String(mesh.explain('ledger'))).toContain("  audit, before retry, in the stack of service('ledger')");
  expect(mesh.explain('players').filters).toEqual([]);
});

test('explain tells what each function of a service, and each client, has of its own', () => {
  const { mesh } = setup({
    idempotent: () => true,
    classify: () => 'success',
    deadlineMs: 500,
    retry: { attempts: 2 },
    hedge: undefined,
    fallback: { answer: () => row, limitMs: 50 },
  });
  const send = () => Promise.resolve(row);
  // Made again and again, it is told once; without options of its own, or with filters only, it has none of its own.
  for (let i = 0; i < 3; i++)
    mesh.service('ledger', send, { breaker: false, fallback: { service: 'archive', answer: () => row } });
  mesh.service('ledger', send);
  mesh.service('ledger', send, { filters: (stack) => stack });
  mesh.client('ledger', { concurrency: 4 });
  mesh.service('archive', send, { operation: () => 'read' });
  const { clients, settings } = mesh.explain('ledger');
  const told = clients.map(({ of, settings: own }) => [
    of,
    ...own.map(({ name, value, from }) => [name, value, from === of]),
  ]);
  expect(told).toEqual([
    [
      "service('ledger')",
      ['deadlineMs', 500, true],
      ['retry.attempts', 2, true],
      ['idempotent', 'a function', true],
      ['classify', 'a function', true],
      ['fallback.answer', 'a function', true],
      ['fallback.limitMs', 50, true],
    ],
    [
      "service('ledger')",
      ['breaker', false, true],
      ['fallback.service', 'archive', true],
      ['fallback.answer', 'a function', true],
    ],
    ["client('ledger')", ['concurrency', 4, true]],
  ]);
  expect(settings.find(({ name }) => name === 'deadlineMs')).toMatchObject({ value: 10_000, from: 'default' });
  const words = String(mesh.explain('ledger'));
  expect(words).toContain("\nsettings of client('ledger') where they differ:\n  concurrency = 4\n");
  expect(words).toContain(
    "\nsettings of service('ledger') where they differ:\n  breaker = false\n  fallback.service = archive\n",
  );
  expect(mesh.explain('archive').clients).toHaveLength(1);
  expect(String(mesh.explain('nobody'))).not.toContain('where they differ');
});

test('nobody to call and a mesh that is closed say so', async () => {
  const { call, mesh } = setup();
  const nobody = mesh.service('players', async () => row);
  await expect(nobody(query)).rejects.toMatchObject({ code: 'MESH_NO_ENDPOINTS' });
  await mesh.close();
  await expect(call(query)).rejects.toMatchObject({ code: 'MESH_CLOSED' });
});
