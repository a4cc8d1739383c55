import { expect, test } from 'vitest';
import { ConfigError, type ServiceOptions } from '../../src/index.ts';
import { outcome, settled } from '../support/harness.ts';
import { functionSetup, refused } from './function-setup.ts';
import { counted } from './setup.ts';

const places = ['defaults', 'services'] as const;
const about: readonly (readonly [string, ServiceOptions])[] = [
  ['cache', { cache: {} }],
  ['singleFlight', { singleFlight: {} }],
  ['fault.abort with a status', { fault: { abort: 503 } }],
  ['fallback.answer', { fallback: { answer: { json: [] } } }],
  ['fallback.answer of a function', { fallback: { answer: () => ({ json: [] }) } }],
  ['fallback.staleMs', { fallback: { staleMs: 1_000 } }],
];
const said = (place: (typeof places)[number], options: ServiceOptions) =>
  place === 'defaults' ? { defaults: options } : { services: { ledger: options } };

test.each(places.flatMap((place) => about.map(([name, options]) => [name, place, options] as const)))(
  '%s, said in %s for the HTTP clients of a service, is left out for a function',
  async (_, place, options) => {
    const { call, next } = functionSetup<string, string>(undefined, said(place, { retry: false, ...options }));
    const reply = call('get');
    next().resolve('Ann');
    expect(await reply).toBe('Ann');
    const failing = call('get');
    const error = refused();
    next().reject(error);
    expect(await outcome(failing)).toEqual({ error });
  },
);

test('what else is said with it stays: the delay of a fault, and the broken connection of one', async () => {
  const { call, sent, next, clock } = functionSetup<string, string>(undefined, {
    defaults: { fault: { delayMs: 100, abort: 503 } },
  });
  const reply = call('get');
  await clock.advance(99);
  expect(sent).toHaveLength(0);
  await clock.advance(1);
  next().resolve('Ann');
  expect(await reply).toBe('Ann');

  const broken = functionSetup<string, string>(undefined, { defaults: { retry: false, fault: { abort: 'refused' } } });
  expect(await outcome(broken.call('get'))).toMatchObject({ error: { code: 'ECONNREFUSED' } });
});

test('limits of the service stay beside what is left out', async () => {
  const { call, next } = functionSetup<string, string>(undefined, {
    services: { ledger: { cache: {}, concurrency: 1, fallback: { staleMs: 1_000 } } },
  });
  const first = call('get');
  expect(await outcome(call('get'))).toMatchObject({ error: { code: 'MESH_REFUSED', reason: 'concurrency' } });
  next().resolve('Ann');
  await first;
});

test('another service as the fallback is called by the same function, with what is left out for it as well', async () => {
  const { call, next, mesh } = functionSetup<string, string>(
    { idempotent: () => true },
    { defaults: { retry: false, cache: {} }, services: { ledger: { fallback: { service: 'archive', staleMs: 1 } } } },
  );
  const reply = call('get 42');
  next().reject(refused());
  await settled();
  const { request, attempt, resolve } = next();
  expect([request, attempt.endpoint.service, attempt.endpoint.host]).toEqual(['get 42', 'archive', '10.0.1.1']);
  resolve('old');
  expect(await reply).toBe('old');
  expect(counted(mesh, 'fallbacks', { service: 'ledger', to: 'service' })).toBe(1);
});

test('copies of its calls go to another service by the same function, and their answers are freed', async () => {
  const { call, next, sent, freed, mesh } = functionSetup<string, string>(
    { idempotent: (request) => request.startsWith('get') },
    { services: { ledger: { mirror: { service: 'archive', concurrency: 1 } } } },
  );
  for (let i = 0; i < 2; i++) {
    const reply = call('get 42');
    await settled();
    const [own, copy] = [next(), next()];
    expect([own.attempt.endpoint.service, copy.attempt.endpoint.service]).toEqual(['ledger', 'archive']);
    expect(copy.request).toBe(own.request);
    own.resolve('Ann');
    expect(await reply).toBe('Ann');
    copy.resolve('copy');
    await settled();
  }
  expect(freed).toEqual(['copy', 'copy']);
  expect(counted(mesh, 'mirrors', { service: 'ledger', outcome: 'success' })).toBe(2);
  const change = call('set 42');
  await settled();
  next().resolve('Ann');
  await change;
  expect(sent).toHaveLength(0);
});

test('a request may be nothing, and is copied all the same', async () => {
  const { call, next } = functionSetup<undefined, string>({
    idempotent: () => true,
    mirror: { service: 'archive' },
  });
  const reply = call(undefined);
  await settled();
  next().resolve('Ann');
  expect(await reply).toBe('Ann');
  const copy = next();
  expect([copy.request, copy.attempt.endpoint.service]).toEqual([undefined, 'archive']);
  copy.resolve('copy');
});

test.each<[object, string]>([
  [{ cache: {} }, "service('ledger').cache must be left out"],
  [{ cache: false }, "service('ledger').cache must be left out"],
  [{ singleFlight: {} }, "service('ledger').singleFlight must be left out"],
  [{ fault: { abort: 503 } }, "service('ledger').fault.abort must be one of refused, reset, not 503"],
])('%o in its own options can do nothing, and is refused when it is made', (options, message) => {
  const { mesh } = functionSetup<string, string>();
  const make = () => mesh.service('ledger', async () => 'Ann', options);
  expect(make).toThrow(ConfigError);
  expect(make).toThrow(message);
});
