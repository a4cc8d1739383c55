import { expect, test } from 'vitest';
import {
  ConfigError,
  type FailedSend,
  FallbackError,
  MeshError,
  type MeshOptions,
  meshOf,
  type SendFallback,
} from '../../src/index.ts';
import { outcome, settled } from '../support/harness.ts';
import { functionSetup, refused } from './function-setup.ts';
import { counted, rejection } from './setup.ts';

interface Row {
  readonly name: string;
}

/** `ledger`, whose rows named `busy` are failures, called without retries. */
function setup(fallback: SendFallback<string, Row> | false | undefined, of: Partial<MeshOptions> = {}) {
  const made = functionSetup<string, Row>(
    {
      retry: false,
      idempotent: () => true,
      operation: () => 'get',
      classify: (told) => ('response' in told && told.response.name === 'busy' ? 'failure' : undefined),
      fallback,
    },
    of,
  );
  const answered = (to: string) => counted(made.mesh, 'fallbacks', { service: 'ledger', to });
  const failed = () => counted(made.mesh, 'fallbacks_failed', { service: 'ledger' });
  return { ...made, answered, failed };
}

test('a call that fails is answered by a function, and nobody takes it for a success', async () => {
  const { call, next, mesh, answered, failed, clock } = setup({ answer: ({ request }) => ({ name: `no ${request}` }) });
  const idle = clock.pending;
  const reply = call('42');
  next().reject(refused());
  const row = await reply;
  expect(row).toEqual({ name: 'no 42' });
  expect(meshOf(row)?.fallback).toMatchObject({ to: 'answer', because: expect.stringContaining('cannot connect') });
  expect(meshOf(row)?.attempts).toHaveLength(1);
  const outcomes = ['fallback', 'success', 'failure'].map((name) => counted(mesh, 'calls', { outcome: name }));
  expect(outcomes).toEqual([1, 0, 0]);
  expect([answered('answer'), failed(), counted(mesh, 'attempts', { outcome: 'failure' })]).toEqual([1, 0, 1]);
  expect([clock.pending, mesh.explain('ledger').endpoints.map(({ running }) => running)]).toEqual([idle, [0, 0]]);

  const well = call('42');
  next().resolve({ name: 'Ann' });
  expect(meshOf(await well)).toBeUndefined();
  expect(await well).toEqual({ name: 'Ann' });
});

test('the function is told what failed, and may let it fail', async () => {
  const seen: FailedSend<string, Row>[] = [];
  const { call, next, freed, answered, failed } = setup({ answer: (call) => void seen.push(call) as undefined });
  const first = call('42');
  const cause = refused();
  next().reject(cause);
  expect(await outcome(first)).toEqual({ error: cause });
  const second = call('43');
  next().resolve({ name: 'busy' });
  expect(await second).toEqual({ name: 'busy' });
  expect(seen).toEqual([
    { service: 'ledger', operation: 'get', request: '42', error: seen[0]?.error, response: undefined },
    { service: 'ledger', operation: 'get', request: '43', error: seen[1]?.error, response: { name: 'busy' } },
  ]);
  expect(seen[0]?.error).toMatchObject({ code: 'MESH_CONNECT', cause });
  expect(seen[1]?.error).toMatchObject({
    code: 'MESH_STATUS',
    message: "'ledger' gave a response that is a failure",
  });
  expect([freed, answered('answer'), failed()]).toEqual([[], 0, 2]);
});

test('a response that failed is freed once there is another answer, unless it is that answer', async () => {
  const { call, next, freed } = setup({
    answer: async ({ request, response }) => (request === 'same' ? response : { name: 'instead' }),
  });
  const busy = { name: 'busy' };
  const same = call('same');
  next().resolve(busy);
  expect(await same).toBe(busy);
  expect(freed).toEqual([]);
  const other = call('other');
  next().resolve(busy);
  expect(await other).toEqual({ name: 'instead' });
  expect(freed).toEqual([busy]);
});

test('what is its caller’s doing, or says nothing of the service, is not answered', async () => {
  let asked = 0;
  const { call, next, mesh } = setup({
    answer: () => {
      asked++;
      return { name: 'instead' };
    },
  });
  const given = new AbortController();
  const left = call('42', { signal: given.signal });
  given.abort();
  expect(await outcome(left)).toMatchObject({ error: { code: 'MESH_CANCELLED' } });
  next();
  const unknown = call('42');
  const error = new Error('deadlock detected');
  next().reject(error);
  expect(await outcome(unknown)).toEqual({ error });
  await mesh.close();
  expect(await rejection(call('42'))).toMatchObject({ code: 'MESH_CLOSED' });
  expect(asked).toBe(0);
});

test('an error that proves the service well is not answered, whatever it is', async () => {
  const { call, next } = functionSetup<string, string>({
    classify: (told) => ('error' in told && told.error === missing ? 'success' : undefined),
    fallback: { answer: () => 'instead' },
  });
  // That of a call which `send` made itself.
  const missing = new MeshError('MESH_STATUS', "'ledger' answered 404", { resend: 'never', service: 'ledger' });
  const reply = call('42');
  next().reject(missing);
  expect(await outcome(reply)).toEqual({ error: missing });
  const other = call('42');
  next().reject(new MeshError('MESH_STATUS', "'ledger' answered 500", { resend: 'never', service: 'ledger' }));
  expect(await other).toBe('instead');
});

test('what the mesh refuses or gives up is answered: too late, nobody to call, a breaker that is open', async () => {
  const answer = ({ error }: FailedSend<string, Row>) => ({ name: error.code });
  const { call, clock, mesh, next } = setup({ answer }, { defaults: { breaker: { minimum: 5 }, health: false } });
  const late = call('42', { deadlineMs: 100 });
  next();
  await clock.advance(100);
  expect(await late).toEqual({ name: 'MESH_DEADLINE' });
  const nobody = mesh.service<string, Row>('players', async () => ({ name: 'Ann' }), { fallback: { answer } });
  expect(await nobody('42')).toEqual({ name: 'MESH_NO_ENDPOINTS' });
  for (let i = 0; i < 5; i++) {
    const reply = call('42');
    next().reject(refused());
    await reply;
  }
  expect(await call('42')).toEqual({ name: 'MESH_BREAKER_OPEN' });
});

/** What can be awaited and is no promise, as drivers give it. */
const thenable = {
  // biome-ignore lint/suspicious/noThenProperty: it is what is tried
  then: (_: unknown, no: (error: Error) => void) => no(new Error('no cache')),
};

test.each<[string, () => Row | Promise<Row>]>([
  [
    'throws',
    () => {
      throw new Error('no cache');
    },
  ],
  ['rejects', () => Promise.reject(new Error('no cache'))],
  ['gives what rejects and is no promise', () => thenable as never],
])('F84: a function that %s gives an error whose cause is what had failed', async (_, answer) => {
  const { call, next, freed, faults, failed } = setup({ answer });
  const reply = call('42');
  next().reject(refused());
  const error = await rejection(reply);
  expect(error instanceof FallbackError).toBe(true);
  expect(error).toMatchObject({
    message: "the fallback of 'ledger' failed: no cache",
    cause: { code: 'MESH_CONNECT' },
    thrown: { message: 'no cache' },
  });
  expect(meshOf(error)?.attempts).toHaveLength(1);
  expect(failed()).toBe(1);
  expect(faults).toMatchObject([{ source: "fallback of 'ledger'", error: { message: 'no cache' } }]);
  const second = call('42');
  next().resolve({ name: 'busy' });
  expect(await rejection(second)).toMatchObject({ code: 'MESH_FALLBACK', cause: { code: 'MESH_STATUS' } });
  expect(freed).toEqual([{ name: 'busy' }]);
});

test.each<[string, number | undefined, number | undefined, number]>([
  ['its own limit', 200, 300, 200],
  ['that of the service', undefined, 300, 300],
  ['a second', undefined, undefined, 1_000],
])('a function may take as long as %s', async (_, own, ofService, limitMs) => {
  const { call, next, clock } = setup(
    { answer: () => new Promise(() => {}), limitMs: own },
    ofService === undefined ? {} : { defaults: { fallback: { answer: {}, limitMs: ofService } } },
  );
  const idle = clock.pending;
  const reply = call('42');
  next().reject(refused());
  await settled();
  await clock.advance(limitMs - 1);
  expect(await outcome(reply)).toBe('pending');
  await clock.advance(1);
  await expect(reply).rejects.toThrow(`it took longer than ${limitMs} ms`);
  expect(clock.pending).toBe(idle);
});

test('another service comes first, also one of the settings of the service', async () => {
  for (const [own, of] of [
    [{ service: 'archive', answer: () => ({ name: 'instead' }) }, {}],
    [{ answer: () => ({ name: 'instead' }) }, { services: { ledger: { fallback: { service: 'archive' } } } }],
  ] as const) {
    const { call, next, answered } = setup(own, of);
    for (const name of ['old', 'busy']) {
      const reply = call('42');
      next().reject(refused());
      await settled();
      const second = next();
      expect(second.attempt.endpoint.service).toBe('archive');
      second.resolve({ name });
      const row = await reply;
      expect(row).toEqual({ name: name === 'old' ? 'old' : 'instead' });
      expect(meshOf(row)?.fallback?.to).toBe(name === 'old' ? 'service' : 'answer');
    }
    expect([answered('service'), answered('answer')]).toEqual([1, 1]);
  }
});

test('`false` is that nothing answers, whatever the service is configured with', async () => {
  const { call, next, sent } = setup(false, { defaults: { fallback: { service: 'archive' } } });
  const reply = call('42');
  const error = refused();
  next().reject(error);
  expect(await outcome(reply)).toEqual({ error });
  expect(sent).toHaveLength(0);
});

test('a response may be nothing, and is one all the same', async () => {
  const { call, next, mesh } = functionSetup<undefined, undefined>({
    retry: false,
    idempotent: () => true,
    classify: (told) => ('response' in told ? (broken ? 'failure' : 'success') : undefined),
    fallback: { service: 'archive' },
  });
  let broken = false;
  const reply = call(undefined);
  next().reject(refused());
  await settled();
  next().resolve(undefined);
  expect(await reply).toBeUndefined();
  expect(counted(mesh, 'fallbacks', { to: 'service' })).toBe(1);
  broken = true;
  const bad = call(undefined);
  next().resolve(undefined);
  await settled();
  next().resolve(undefined);
  expect(await bad).toBeUndefined();
  expect(counted(mesh, 'fallbacks_failed')).toBe(1);
});

test('one object may be the answer to several calls: it tells of the last', async () => {
  const shared = Object.freeze({ name: 'nobody' });
  const open = { name: 'nobody' };
  const { call, next } = setup({ answer: ({ request }) => (request === 'frozen' ? shared : open) });
  for (const request of ['frozen', 'first', 'second']) {
    const reply = call(request);
    if (request === 'second') next().resolve({ name: 'busy' });
    else next().reject(refused());
    expect(await reply).toBe(request === 'frozen' ? shared : open);
  }
  expect(meshOf(open)?.fallback?.because).toBe("'ledger' gave a response that is a failure");
  expect(Object.keys(open)).toEqual(['name']);
});

test.each<[object | boolean, string]>([
  [{}, "service('ledger').fallback must say at least one of service, answer"],
  [{ limitMs: 5 }, "service('ledger').fallback must say at least one of service, answer"],
  [{ staleMs: 5 }, "service('ledger').fallback has no option 'staleMs'"],
  [{ service: 'archive', ignoreHeaders: [] }, "service('ledger').fallback has no option 'ignoreHeaders'"],
  [{ answer: [] }, "service('ledger').fallback.answer must be a function, not an array"],
  [{ service: 'A' }, "service('ledger').fallback.service must be a service name"],
  [
    { answer: () => 1, limitMs: 0 },
    "service('ledger').fallback.limitMs must be a number of milliseconds of at least 1",
  ],
  [true, "service('ledger').fallback must be an object, not true"],
])('%o is refused when it is made', (fallback, message) => {
  const { mesh } = setup(undefined);
  const make = () => mesh.service('ledger', async () => 1, { fallback: fallback as never });
  expect(make).toThrow(ConfigError);
  expect(make).toThrow(message);
});
