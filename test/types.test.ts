import type { IncomingMessage } from 'node:http';
import got, { type Got } from 'got';
import { expect, expectTypeOf, test } from 'vitest';
import {
  type Call,
  type CallReport,
  type ClientResponse,
  ConfigError,
  createMesh,
  type FetchRequest,
  type Filter,
  type MeshEvents,
  type MeshOptions,
  merged,
  meshOf,
  type NameRules,
  type NativeRequest,
  type NativeResponse,
  type NodeRequest,
  observe,
  type Service,
  type StreamedResponse,
} from '../src/index.ts';

// That these do not compile is checked by `tsc`; that they throw when they get past it, here.

const make = (options: MeshOptions) => createMesh({ logger: false, ...options });
const right = { self: { service: 'teams' }, registry: { players: ['http://127.0.0.1:1'] } };

/** For what only has to compile, or not to. */
function compiled(_: () => unknown): void {}

test('wrap gives back the type that it was given', async () => {
  const mesh = make(right);
  const own = got.extend({ prefixUrl: 'http://players' });
  expectTypeOf(mesh.wrap(got)).toEqualTypeOf<Got>();
  expectTypeOf(mesh.wrap(own)).toEqualTypeOf(own);
  expectTypeOf(mesh.wrap(globalThis.fetch)).toEqualTypeOf(globalThis.fetch);
  await mesh.close();
});

test('wrap takes got and fetch only', async () => {
  const mesh = make(right);
  // @ts-expect-error a number is no client
  expect(() => mesh.wrap(42)).toThrow(new ConfigError('wrap must be given got, or a fetch, not 42'));
  // @ts-expect-error undefined is no client
  expect(() => mesh.wrap(undefined)).toThrow(ConfigError);
  // @ts-expect-error an object is no client
  expect(() => mesh.wrap({})).toThrow(ConfigError);
  // @ts-expect-error a function that takes something else is no fetch
  compiled(() => mesh.wrap((count: number) => count));
  await mesh.close();
});

test('options that are missing, unknown or of a wrong type neither compile nor pass', () => {
  // @ts-expect-error self is missing
  expect(() => make({ registry: right.registry })).toThrow(ConfigError);
  // @ts-expect-error registry is missing
  expect(() => make({ self: right.self })).toThrow(ConfigError);
  // @ts-expect-error service is missing
  expect(() => make({ ...right, self: {} })).toThrow(ConfigError);
  // @ts-expect-error the option is called services
  expect(() => createMesh({ ...right, service: {} })).toThrow(/has no option 'service'/);
  // @ts-expect-error a deadline is a number or false
  expect(() => make({ ...right, defaults: { deadlineMs: '1s' } })).toThrow(/defaults.deadlineMs/);
  // @ts-expect-error true is the default, not a value
  expect(() => make({ ...right, defaults: { retry: true } })).toThrow(/defaults.retry/);
  // @ts-expect-error there is no HTTP/3
  expect(() => make({ ...right, defaults: { connections: { http: 3 } } })).toThrow(
    /connections.http must be 1 or 2, not 3/,
  );
  // @ts-expect-error connections cannot be switched off
  expect(() => make({ ...right, defaults: { connections: false } })).toThrow(/defaults.connections/);
  // @ts-expect-error how many is said as a number
  expect(() => make({ ...right, defaults: { connections: { warm: true } } })).toThrow(/connections.warm/);
  // @ts-expect-error the option is called max
  expect(() => make({ ...right, defaults: { connections: { maxSockets: 5 } } })).toThrow(/no option 'maxSockets'/);
  // @ts-expect-error the option is called attempts
  expect(() => make({ ...right, defaults: { retry: { tries: 3 } } })).toThrow(/has no option 'tries'/);
  // @ts-expect-error there is no such balancer
  expect(() => make({ ...right, services: { players: { balancer: 'best' } } })).toThrow(/services.players.balancer/);
  // @ts-expect-error a hash needs a key
  expect(() => make({ ...right, defaults: { balancer: 'ring-hash' } })).toThrow(/defaults.balancer/);
  // @ts-expect-error a hash needs a key
  expect(() => make({ ...right, defaults: { balancer: { kind: 'maglev' } } })).toThrow(/defaults.balancer.hashOn/);
  const hashOn = { header: 'x-user' };
  // @ts-expect-error only a ring bounds the load
  expect(() => make({ ...right, defaults: { balancer: { kind: 'maglev', hashOn, boundedLoad: 2 } } })).toThrow(/bound/);
  // @ts-expect-error any of these is chosen without a key
  expect(() => make({ ...right, defaults: { balancer: { kind: 'p2c', hashOn } } })).toThrow(/hashOn/);
  // @ts-expect-error only recall asks servers to refuse
  expect(() => make({ ...right, defaults: { balancer: { kind: 'p2c', softNack: true } } })).toThrow(/softNack/);
  // @ts-expect-error a key is a string
  compiled(() => make({ ...right, defaults: { balancer: { kind: 'maglev', hashOn: () => 7 } } }));
  // @ts-expect-error attributes are flat strings
  expect(() => make({ ...right, defaults: { where: { zone: 1 } } })).toThrow(/defaults.where/);
  // @ts-expect-error a logger has four methods, or is false
  expect(() => make({ ...right, logger: () => {} })).toThrow(/logger/);
});

test('several registries and rules for names that are wrong neither compile nor pass', async () => {
  const { registry } = right;
  const mesh = make({ ...right, registry: [registry, merged(registry, [registry, 'file:.heddle-types'])] });
  await mesh.close();
  // @ts-expect-error a number is no registry
  expect(() => make({ ...right, registry: [registry, 7] })).toThrow(/registry\[1\]/);
  // @ts-expect-error a number is no registry
  expect(() => merged(registry, 7)).toThrow(/merged\[1\]/);
  // @ts-expect-error a number is no name
  expect(() => make({ ...right, names: { players: 7 } })).toThrow(/names.players/);
  // @ts-expect-error a weight is a number
  expect(() => make({ ...right, names: { players: { v1: '9' } } })).toThrow(/names.players.v1/);
  // @ts-expect-error alternatives are not nested
  expect(() => make({ ...right, names: { players: ['a', ['b']] } })).toThrow(/names.players\[1\]/);
  // @ts-expect-error a string is no list
  expect(() => make({ ...right, nameOverrides: 'players' })).toThrow(/nameOverrides/);
  compiled(() => {
    // @ts-expect-error names are strings
    mesh.withNames({ players: 7 }, () => 1);
    expectTypeOf(mesh.withNames({ players: 'p' }, async () => 7)).toEqualTypeOf<Promise<number>>();
  });
  const rules = { players: ['players-eu', { v1: 9, v2: 1 }], 'shop-*': 'shop.*' } as const;
  expectTypeOf(rules).toExtend<NameRules>();
});

test('options may be passed through as undefined', async () => {
  const mesh = make({
    ...right,
    defaults: undefined,
    clock: undefined,
    services: { players: { deadlineMs: undefined } },
  });
  await mesh.close();
});

test('the options of a call are checked by the compiler', async () => {
  const mesh = make(right);
  const players = mesh.client('players');
  // @ts-expect-error the option is called deadlineMs
  compiled(() => players.get('/', { timeout: 1 }));
  // @ts-expect-error headers are strings
  compiled(() => players.get('/', { headers: { n: 1 } }));
  // @ts-expect-error a path is needed
  compiled(() => players.get());
  // @ts-expect-error an object is no body; that is json
  compiled(() => players.post('/', { body: { a: 1 } }));
  // @ts-expect-error there is no such option
  expect(() => mesh.client('players', { attempts: 1 })).toThrow(/has no option 'attempts'/);
  await mesh.close();
});

test('calls have the types of what they give', async () => {
  const mesh = make(right);
  const players = mesh.client('players');
  expectTypeOf(players.get).returns.toEqualTypeOf<Call>();
  expectTypeOf<Awaited<Call>>().toEqualTypeOf<NativeResponse>();
  expectTypeOf(players.stream).returns.resolves.toEqualTypeOf<StreamedResponse>();
  interface Roster {
    readonly names: string[];
  }
  compiled(() => expectTypeOf(players.get('/').json<Roster>()).resolves.toEqualTypeOf<Roster>());
  expectTypeOf(meshOf).returns.toEqualTypeOf<CallReport | undefined>();
  await mesh.close();
});

test('a filter is typed against the requests and responses of its client', async () => {
  const mesh = make(right);
  mesh.client('players', {
    filters: (stack) =>
      stack.insertBefore('retry', 'mine', (next) => async (req, ctx) => {
        expectTypeOf(req).toEqualTypeOf<NativeRequest>();
        const res = await next({ ...req, path: '/' }, ctx);
        expectTypeOf(res).toEqualTypeOf<ClientResponse>();
        return res;
      }),
  });
  mesh.wrap(globalThis.fetch, {
    filters: (stack) =>
      stack.insertAfter('classify', 'mine', (next) => async (req, ctx) => {
        expectTypeOf(req).toEqualTypeOf<FetchRequest>();
        const res = await next(req, ctx);
        expectTypeOf(res).toEqualTypeOf<Response>();
        return res;
      }),
  });
  mesh.wrap(got, {
    filters: (stack) =>
      stack.insertBefore(
        'retry',
        'mine',
        observe(() => ({
          start(req) {
            expectTypeOf(req).toEqualTypeOf<NodeRequest>();
          },
          success(res) {
            expectTypeOf(res).toEqualTypeOf<IncomingMessage>();
          },
        })),
      ),
  });
  const call = mesh.service('players', async (id: number, { endpoint }) => `${endpoint.host}/${id}`, {
    idempotent: (id) => id > 0,
    filters: (stack) =>
      stack.insertBefore('retry', 'mine', (next) => (req, ctx) => {
        expectTypeOf(req).toEqualTypeOf<number>();
        return next(req, ctx);
      }),
  });
  expectTypeOf(call).parameter(0).toEqualTypeOf<number>();
  expectTypeOf(call).returns.toEqualTypeOf<Promise<string>>();
  await mesh.close();
});

test('a filter for all clients is generic; one for another client, a wrong role and a wrong name do not compile', async () => {
  const mesh = make(right);
  const any = <Req, Res>(next: Service<Req, Res>): Service<Req, Res> => next;
  const ofFetch: Filter<FetchRequest, Response> = any;
  mesh.wrap(got, { filters: (stack) => stack.insertBefore('retry', 'mine', any) });
  // @ts-expect-error a filter for fetch does not know the requests of got
  compiled(() => mesh.wrap(got, { filters: (stack) => stack.insertBefore('retry', 'mine', ofFetch) }));
  // @ts-expect-error nor those of the mesh's own client
  compiled(() => mesh.client('players', { filters: (stack) => stack.insertBefore('retry', 'mine', ofFetch) }));
  // @ts-expect-error there is no such role
  compiled(() => mesh.wrap(got, { filters: (stack) => stack.insertBefore('retyr', 'mine', any) }));
  // @ts-expect-error nothing stands inside of balance
  compiled(() => mesh.wrap(got, { filters: (stack) => stack.insertAfter('balance', 'mine', any) }));
  // @ts-expect-error no filter of that name was put there
  compiled(() => mesh.wrap(got, { filters: (stack) => stack.insertBefore('mine', 'yours', any) }));
  compiled(() =>
    mesh.wrap(got, {
      filters: (stack) => stack.insertBefore('retry', 'mine', any).insertAfter('mine', 'yours', any),
    }),
  );
  // @ts-expect-error a filter gives a function
  compiled(() => mesh.wrap(got, { filters: (stack) => stack.insertBefore('retry', 'mine', () => 7) }));
  // @ts-expect-error a response of fetch is none of got
  compiled(() => mesh.wrap(got, { filters: (s) => s.insertBefore('retry', 'a', () => async () => new Response()) }));
  // @ts-expect-error the stack is given back
  compiled(() => mesh.wrap(got, { filters: () => undefined }));
  // @ts-expect-error the option is called filters
  expect(() => mesh.wrap(got, { filter: any })).toThrow(/options of wrap has no option 'filter'/);
  // @ts-expect-error a copy of a context is none
  const copying: Filter<number, number> = (next) => (req, ctx) => next(req, { ...ctx });
  compiled(() => copying);
  // @ts-expect-error a request of the function is a number
  compiled(() => mesh.service('players', async (id: number) => id)('one'));
  compiled(() =>
    mesh.service('players', async (url: string) => fetch(url), {
      responseHeader: (response, name) => {
        expectTypeOf(response).toEqualTypeOf<Response>();
        return response.headers.get(name) ?? undefined;
      },
    }),
  );
  compiled(() =>
    mesh.service('players', async (url: string) => fetch(url), {
      // @ts-expect-error a header that is not there is undefined
      responseHeader: (response, name) => response.headers.get(name),
    }),
  );
  // @ts-expect-error a function gives the header
  compiled(() => mesh.service('players', async (url: string) => fetch(url), { responseHeader: 'mesh-load' }));
  // @ts-expect-error its own connections are not the mesh's to set
  compiled(() => mesh.service('players', async (id: number) => id, { connections: {} }));
  await mesh.close();
});

test('what is about HTTP is no option of a function, and its fallback gives what it gives', async () => {
  const mesh = make(right);
  const rows = async (id: number) => [String(id)];
  // @ts-expect-error only answers of HTTP say for how long they are good
  compiled(() => mesh.service('players', rows, { cache: {} }));
  // @ts-expect-error only GETs of HTTP can be told to be the same
  compiled(() => mesh.service('players', rows, { singleFlight: {} }));
  // @ts-expect-error a response of a function has no status
  compiled(() => mesh.service('players', rows, { fault: { abort: 503 } }));
  compiled(() => mesh.service('players', rows, { fault: { abort: 'reset', delayMs: 5 } }));
  compiled(() => mesh.service('players', rows, { mirror: { service: 'next' }, fallback: false, fault: false }));
  // @ts-expect-error no answer of before is kept
  compiled(() => mesh.service('players', rows, { fallback: { service: 'archive', staleMs: 5 } }));
  // @ts-expect-error a function makes the answer
  compiled(() => mesh.service('players', rows, { fallback: { answer: [] } }));
  // @ts-expect-error a response of HTTP is none of the function
  compiled(() => mesh.service('players', rows, { fallback: { answer: () => ({ status: 200 }) } }));
  const empty = mesh.service('players', rows, {
    fallback: {
      service: 'archive',
      answer: async ({ request, response, error }) => {
        expectTypeOf(request).toEqualTypeOf<number>();
        expectTypeOf(response).toEqualTypeOf<string[] | undefined>();
        return error.code === 'MESH_DEADLINE' ? undefined : [];
      },
      limitMs: 50,
    },
  });
  expectTypeOf(empty).returns.toEqualTypeOf<Promise<string[]>>();
  const maybe = mesh.service<number, string | null>('players', async (id) => String(id), {
    fallback: { answer: () => null },
  });
  expectTypeOf(maybe).returns.toEqualTypeOf<Promise<string | null>>();
  const maker = mesh.service('players', async () => () => 7, { fallback: { answer: () => () => 8 } });
  expectTypeOf(maker).returns.toEqualTypeOf<Promise<() => number>>();
  await mesh.close();
});

test('a listener gets the event of its name', async () => {
  const mesh = make(right);
  mesh.on('breaker', (event) => expectTypeOf(event).toEqualTypeOf<MeshEvents['breaker']>());
  // @ts-expect-error there is no such event
  compiled(() => mesh.on('braker', () => {}));
  await mesh.close();
});
