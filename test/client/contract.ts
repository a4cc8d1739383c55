import { getEventListeners } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { runAmbient } from '../../src/core/ambient.ts';
import { InboundRequest } from '../../src/core/inbound-request.ts';
import { type CallReport, type HashOn, isMeshError, type Mesh, meshOf, type ServiceOptions } from '../../src/index.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { loadedServer } from '../support/loaded-server.ts';
import {
  bytes,
  deaf,
  drip,
  type Echo,
  echo,
  gibberish,
  hang,
  misbehave,
  misdirected,
  nobody,
  reply,
  replyAtOnce,
  type Seen,
  sha,
} from '../support/servers.ts';
import { overHttp1, type Wire } from '../support/wires.ts';
import { closeAll, counted, meshOver, rejection } from './setup.ts';

export interface CallOptions {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
  /** A body that comes in these pieces, from a stream as the client knows streams. */
  readonly pieces?: AsyncIterable<Buffer>;
  readonly json?: unknown;
  readonly signal?: AbortSignal;
}

export interface Reply {
  readonly status: number;
  header(name: string): string | undefined;
  readonly body: Buffer;
  readonly report: CallReport | undefined;
}

/** One way to call, made from a mesh: resolves with any status, its body read to the end. */
export type CallPlayers = (path: string, options?: CallOptions) => Promise<Reply>;

export interface Contract {
  /** What is spoken between the client and the servers. @default HTTP/1.1 */
  readonly wire?: Wire;
  /** What is set for all services besides. */
  readonly settings?: ServiceOptions;
  readonly open: (mesh: Mesh) => CallPlayers;
  /** Whether a body that is in memory is sent again however long it is; else only up to 64 KiB. */
  readonly replaysAnyLength: boolean;
  /** Whether it leaves a stream alone until there is a connection to send it over. */
  readonly readsLate: boolean;
  /** Whether a call is over only when its body has been read, so that a body that breaks can be asked for again. */
  readonly buffers: boolean;
  /** Checks that an error is what the client gives when its caller aborts with this reason. */
  readonly aborted: (error: unknown, reason: unknown) => void;
  /** Checks that an error is what the client gives when a connection breaks before the response. */
  readonly broken: (error: unknown) => void;
}

interface BusyContract {
  /** What the binding is called in metrics. */
  readonly binding: string;
  /** A call of `/` that resolves with the status. */
  readonly open: (mesh: Mesh) => () => Promise<number>;
}

/** What holds for every binding, whatever it knows of a response: a refusal that it asked for is never the answer. */
export function busyContract({ binding, open }: BusyContract): void {
  afterEach(closeAll);

  test('a server that is too busy for a call is left for another, or was not asked to say so', async () => {
    const { busy, idle, mesh } = await busyAndIdle((servers, options) => meshOver(servers, options));
    const heard = mesh.client('players');
    expect((await heard.get('/')).status).toBe(503);
    expect([busy.executed(), idle.executed()]).toEqual([1, 1]);
    expect(await open(mesh)()).toBe(200);
    expect(counted(mesh, 'calls', { binding, outcome: 'success' })).toBe(1);
    const asked = busy.requests.at(-1)?.headers['mesh-limit'] !== undefined;
    expect([busy.executed(), idle.executed()]).toEqual(asked ? [1, 2] : [2, 1]);
    expect(counted(mesh, 'busy_refusals')).toBe(asked ? 1 : 0);
  });
}

type Opened = (
  servers: readonly { readonly url: string }[],
  options: NonNullable<Parameters<typeof meshOver>[1]>,
) => Mesh;

/** A busy server, which is called first, and an idle one, of which the first attempts of a call go one to each and are answered with 503. */
async function busyAndIdle(over: Opened) {
  const busy = await loadedServer(6);
  const idle = await loadedServer(0);
  const mesh = over([busy, idle], {
    clock: new ManualClock(), // a refusal then takes no time, and is worth it
    balancer: { kind: 'recall', softNack: true },
    retry: { attempts: 2, baseMs: 0, maxMs: 0 },
  });
  return { busy, idle, mesh };
}

/** What holds for every client that calls through a mesh. */
export function clientContract({
  wire = overHttp1,
  settings = {},
  open,
  replaysAnyLength,
  readsLate,
  buffers,
  aborted,
  broken,
}: Contract): void {
  afterEach(closeAll);
  const { http, serve, resetBeforeResponse, finBeforeResponse, resetMidBody, endsMidBody } = wire;

  const start = (servers: readonly { readonly url: string }[], options: Parameters<typeof meshOver>[1] = {}) => {
    const mesh = meshOver(servers, { connections: { http }, ...settings, ...options });
    return { mesh, call: open(mesh) };
  };
  const echoed = (res: Reply): Echo => JSON.parse(res.body.toString());
  /** The error of the mesh that is behind an error of a client. */
  const meshError = (error: unknown): unknown => {
    let one = error;
    while (one instanceof Error && !isMeshError(one)) one = one.cause;
    return one;
  };
  const attempts = (report: CallReport | undefined) => report?.attempts.map(({ endpoint }) => endpoint);

  const health = (mesh: Mesh, { id }: { readonly id: string }) =>
    mesh.explain('players').endpoints.find((endpoint) => endpoint.id === id)?.health;

  // What arrives.

  test('a GET arrives as it was made, and its answer comes back', async () => {
    const server = await serve(
      reply(200, '{"name":"Ann"}', { 'content-type': 'application/json', 'x-of': 'the server' }),
    );
    const { call } = start([server]);
    const res = await call('/teams/42', { headers: { 'x-of': 'the caller' } });
    expect(res.status).toBe(200);
    expect(res.header('x-of')).toBe('the server');
    expect(JSON.parse(res.body.toString())).toEqual({ name: 'Ann' });
    const [request] = server.requests;
    expect(request?.method).toBe('GET');
    expect(request?.url).toBe('/teams/42');
    expect(request?.headers['x-of']).toBe('the caller');
    expect(request?.headers['content-length']).toBe(undefined);
  });

  test.each<[by: string, hashOn: HashOn, headers: (user: string) => Record<string, string>]>([
    ['a header', { header: 'X-User' }, (user) => ({ 'x-USER': user })],
    ['a cookie', { cookie: 'user' }, (user) => ({ cookie: `lang=en; user=${user}` })],
    ['a function', ({ header }) => header('x-user')?.split('-')[0], (user) => ({ 'x-user': `${user}-1` })],
  ])(
    'calls that are spread by %s go to the same instance for the same key, and to all for many',
    async (_, hashOn, headers) => {
      const servers = await Promise.all([serve(echo), serve(echo), serve(echo)]);
      const registry = { players: servers.map(({ url }) => url) };
      const { call } = start(servers, { registry, balancer: { kind: 'ring-hash', hashOn } });
      const used = new Map<string | undefined, number>();
      const of = async (user: string) => (await call('/', { headers: headers(user) })).report?.endpoint;
      for (const user of 'abcde') expect(new Set([await of(user), await of(user), await of(user)]).size).toBe(1);
      // The ports are drawn, and with them the parts: enough keys that none is missed by chance.
      for (let user = 0; used.size < 3 && user < 1_000; user++) used.set(await of(`user${user}`), user);
      expect(used.size).toBe(3);
    },
  );

  test('what the function that makes the key throws is the error of the call', async () => {
    const server = await serve(echo);
    const balancer = {
      kind: 'maglev',
      hashOn: (): string => {
        throw new Error('no user');
      },
    } as const;
    const { call } = start([server], { balancer });
    expect(String(await rejection(call('/')))).toContain('no user');
    expect(server.requests).toHaveLength(0);
  });

  test('a POST of JSON arrives with its type and length', async () => {
    const server = await serve(echo);
    const { call } = start([server]);
    const { headers, text } = echoed(await call('/teams', { method: 'POST', json: { name: 'Änn', list: [1, null] } }));
    expect(JSON.parse(text)).toEqual({ name: 'Änn', list: [1, null] });
    expect(headers['content-type']).toBe('application/json');
    expect(headers['content-length']).toBe(String(Buffer.byteLength(text)));
  });

  test('the mesh tells the server who calls whom, which attempt it is, how long it may take and in which trace', async () => {
    const server = await serve(echo);
    const { call } = start([server], { deadlineMs: 2_000 });
    const res = await call('/');
    const { headers } = echoed(res);
    expect(headers['mesh-caller']).toBe('teams');
    expect(headers['mesh-target']).toBe(`players;${server.id}`);
    expect(headers['mesh-attempt'] ?? '1').toBe('1'); // one that says nothing is the first
    expect(Number(headers['mesh-timeout-ms'])).toBeGreaterThan(0);
    expect(Number(headers['mesh-timeout-ms']) <= 2_000).toBe(true);
    expect(headers['traceparent']).toMatch(new RegExp(`^00-${res.report?.traceId}-[0-9a-f]{16}-0[01]$`));
  });

  test('the host header is the name of the service, whatever the caller says', async () => {
    const server = await serve(echo);
    const { call } = start([server]);
    expect(echoed(await call('/')).headers.host).toBe('players');
    expect(echoed(await call('/', { headers: { Host: 'evil.example' } })).headers.host).toBe('players');
    expect(server.requests.map(({ rawHeaders }) => rawHeaders.filter((one) => /^host$/i.test(one)).length)).toEqual([
      1, 1,
    ]);
  });

  test('a trace that the caller wrote on its request goes on, where the request it serves came with none', async () => {
    const server = await serve(echo);
    const { call } = start([server]);
    const traceparent = '00-11111111111111111111111111111111-2222222222222222-01';
    const res = await call('/', { headers: { Traceparent: traceparent, tracestate: 'of=the-caller' } });
    expect(echoed(res).headers['traceparent']).toMatch(/^00-1{32}-[0-9a-f]{16}-01$/);
    expect(echoed(res).headers['tracestate']).toBe('of=the-caller');
    expect(res.report?.traceId).toBe('1'.repeat(32));
    const garbage = await call('/', { headers: { traceparent: 'garbage', tracestate: 'of=nobody' } });
    expect(echoed(garbage).headers['traceparent']).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/);
    expect(echoed(garbage).headers['tracestate']).toBe(undefined);
  });

  test('a header that the mesh writes arrives once, as the mesh wrote it', async () => {
    const server = await serve(echo);
    const { call } = start([server]);
    const headers = {
      Traceparent: '00-11111111111111111111111111111111-2222222222222222-01',
      'Mesh-Attempt': '9',
      'Mesh-Caller': 'somebody else',
      'mesh-target': 'x',
      tracestate: 'of=another-trace',
    };
    await call('/', { headers });
    const raw = server.requests[0]?.rawHeaders ?? [];
    for (const name of ['traceparent', 'mesh-caller', 'mesh-target']) {
      const values = raw.filter((_, i) => i % 2 === 1 && raw[i - 1]?.toLowerCase() === name);
      expect(values.length).toBe(1);
    }
    expect(server.requests[0]?.headers['mesh-attempt'] ?? '1').toBe('1');
    expect(server.requests[0]?.headers['mesh-caller']).toBe('teams');
    expect(server.requests[0]?.headers['tracestate']).toBe('of=another-trace'); // it goes with the traceparent
    expect(server.requests[0]?.headers['mesh-target']).toBe(`players;${server.id}`);
  });

  test.each(['/a%2Fb/%C3%A4%20?q=%26%3D&q=2&empty=', '/?a=1&b=a+b', "/~!$'()*,;:@-._"])(
    'the path and query %s arrive as they are written',
    async (path) => {
      const server = await serve(echo);
      const { call } = start([server]);
      expect(echoed(await call(path)).url).toBe(path);
    },
  );

  test.each([
    ['text', 'a line\nand an ä'],
    ['an empty text', ''],
    ['bytes', Buffer.from([0, 255, 13, 10, 0])],
    ['64 KiB', bytes(64 * 1024)],
    ['1 MB', bytes(1_000_000)],
  ])('a body of %s arrives whole', async (_, body) => {
    const server = await serve(echo);
    const { call } = start([server]);
    const { length, hash, headers } = echoed(await call('/', { method: 'PUT', body }));
    expect(length).toBe(Buffer.byteLength(body));
    expect(hash).toBe(sha(body));
    expect(headers['content-length']).toBe(String(length));
  });

  test.each([1, 1_000, 100_000, 3_000_000])('a stream of %i bytes arrives whole', async (length) => {
    const server = await serve(echo);
    const { call } = start([server]);
    const body = bytes(length);
    const seen = echoed(await call('/', { method: 'POST', pieces: inPieces(body, 50_000) }));
    expect(seen.length).toBe(length);
    expect(seen.hash).toBe(sha(body));
  });

  test('an answer of 1 MB comes back whole', async () => {
    const body = bytes(1_000_000);
    const server = await serve(reply(200, body));
    const { call } = start([server]);
    expect(sha((await call('/')).body)).toBe(sha(body));
  });

  test.each([204, 304])('a %i has no body', async (status) => {
    const server = await serve(reply(status, '', { etag: '"1"' }));
    const { call } = start([server]);
    const res = await call('/');
    expect(res.status).toBe(status);
    expect(res.header('etag')).toBe('"1"');
    expect(res.body.length).toBe(0);
  });

  test('the answer to a HEAD has its headers and no body', async () => {
    const server = await serve(reply(200, 'twelve bytes', { 'content-length': 12 }));
    const { call } = start([server]);
    const res = await call('/', { method: 'HEAD' });
    expect(res.header('content-length')).toBe('12');
    expect(res.body.length).toBe(0);
  });

  test('calls use the connections that there are', async () => {
    const server = await serve(echo);
    const { call } = start([server]);
    for (let i = 0; i < 5; i++) await call('/', i % 2 === 0 ? {} : { method: 'POST', body: 'x' });
    // undici opens a second one when the next call comes before it has put the first back.
    expect(server.connections() <= 2).toBe(true);
  });

  test('200 calls at once are all answered, each with its own answer', async () => {
    const servers = [await serve(echo), await serve(echo)];
    const { call } = start(servers);
    const replies = await Promise.all(Array.from({ length: 200 }, (_, i) => call(`/${i}`)));
    expect(replies.map((res) => echoed(res).url)).toEqual(Array.from({ length: 200 }, (_, i) => `/${i}`));
  });

  test('a report tells the service, the endpoint, the attempts and how they went', async () => {
    const bad = await serve(reply(503));
    const good = await serve(reply(200));
    const { call } = start([bad, good]);
    const { report } = await call('/');
    expect(report?.service).toBe('players');
    expect(report?.endpoint).toBe(good.id);
    expect(report?.attempts.map(({ attempt, endpoint, verdict }) => [attempt, endpoint, verdict])).toEqual([
      [1, bad.id, 'retryable'],
      [2, good.id, 'success'],
    ]);
    expect(report !== undefined && report.ms >= 0).toBe(true);
  });

  // What is sent again.

  test('a 503 to a GET is retried elsewhere', async () => {
    const bad = await serve(reply(503, 'busy'));
    const good = await serve(echo);
    const { call } = start([bad, good]);
    const res = await call('/');
    expect(res.status).toBe(200);
    expect(echoed(res).headers['mesh-attempt']).toBe('2');
    expect([bad.requests.length, good.requests.length]).toEqual([1, 1]);
  });

  test('the one connection to an endpoint serves again after its unread 503 was retried (F80)', async () => {
    const server = await serve(reply(503, bytes(300_000)), reply(200, 'fine'));
    const { call } = start([server]);
    expect((await call('/')).body.toString()).toBe('fine');
    expect((await call('/')).body.toString()).toBe('fine');
    expect(server.open() <= 2).toBe(true);
  });

  test('a 503 to a POST is its answer: it is executed once (F64)', async () => {
    const bad = await serve(reply(503, 'busy'));
    const good = await serve(echo);
    const { call } = start([bad, good]);
    const res = await call('/', { method: 'POST', body: 'x' });
    expect(res.status).toBe(503);
    expect(res.body.toString()).toBe('busy');
    expect([bad.requests.length, good.requests.length]).toEqual([1, 0]);
  });

  test('a 503 to a POST with an idempotency key is retried elsewhere, body and all (F66)', async () => {
    const bad = await serve(reply(503));
    const good = await serve(echo);
    const { call } = start([bad, good]);
    const body = bytes(60_000);
    const seen = echoed(await call('/', { method: 'POST', body, headers: { 'Idempotency-Key': 'k1' } }));
    expect([seen.length, seen.hash]).toEqual([body.length, sha(body)]);
    expect(sha(bad.requests[0]?.body() ?? '')).toBe(sha(body));
    expect(seen.headers['idempotency-key']).toBe('k1');
  });

  test('a 500 is an answer', async () => {
    const bad = await serve(reply(500, 'broken'));
    const { call } = start([bad, await serve(echo)]);
    expect((await call('/')).status).toBe(500);
    expect(bad.requests.length).toBe(1);
  });

  test('the last answer is delivered when all attempts got the same', async () => {
    const servers = [await serve(reply(503, 'busy')), await serve(reply(503, 'busy')), await serve(reply(503, 'busy'))];
    const { call } = start(servers);
    const res = await call('/');
    expect([res.status, res.body.toString()]).toEqual([503, 'busy']);
    expect(res.report?.attempts.length).toBe(3);
    expect(servers.map(({ requests }) => requests.length)).toEqual([1, 1, 1]);
  });

  test.each([1_000, 64 * 1024, 1_000_000])(
    'a refused connection is retried even for a POST, with its body of %i bytes whole (F66)',
    async (length) => {
      const good = await serve(echo);
      const { call } = start([await nobody(), good]);
      const body = bytes(length);
      const seen = echoed(await call('/', { method: 'POST', body }));
      expect([seen.length, seen.hash]).toEqual([length, sha(body)]);
      expect(good.requests.length).toBe(1);
    },
  );

  test.each([1_000, 1_000_000])(
    'a refused connection is retried for a stream of %i bytes that was not read yet (F65)',
    async (length) => {
      const good = await serve(echo);
      const { call } = start([await nobody(), good]);
      const body = bytes(length);
      const calling = call('/', { method: 'POST', pieces: inPieces(body, 10_000) });
      if (readsLate) {
        const seen = echoed(await calling);
        expect([seen.length, seen.hash]).toEqual([length, sha(body)]);
      } else {
        broken(await rejection(calling));
        expect(good.requests.length).toBe(0);
      }
    },
  );

  test('a stream is not sent again once its first bytes were: the answer is what came (F65)', async () => {
    const bad = await serve(reply(503, 'busy'));
    const good = await serve(echo);
    const { call, mesh } = start([bad, good]);
    const res = await call('/', { method: 'PUT', pieces: inPieces(bytes(200_000), 50_000) });
    expect(res.status).toBe(503);
    expect([bad.requests.length, good.requests.length]).toEqual([1, 0]);
    expect(counted(mesh, 'retries_refused', { reason: 'body' })).toBe(1);
  });

  test('a body in memory of more than 64 KiB is sent again only by clients that lose nothing by it', async () => {
    const bad = await serve(reply(503));
    const { call } = start([bad, await serve(echo)]);
    const body = bytes(200_000);
    const res = await call('/', { method: 'PUT', body });
    expect(res.status).toBe(replaysAnyLength ? 200 : 503);
    if (replaysAnyLength) expect(echoed(res).hash).toBe(sha(body));
  });

  test('a server that answers before it read the body is retried with the whole body (F66)', async () => {
    const bad = await serve(replyAtOnce(503, 'busy'));
    const good = await serve(echo);
    const { call } = start([bad, good]);
    const body = bytes(60_000);
    const seen = echoed(await call('/', { method: 'PUT', body }));
    expect([seen.length, seen.hash]).toEqual([body.length, sha(body)]);
  });

  test.each([
    ['reset', resetBeforeResponse],
    ['closed', finBeforeResponse],
  ])('a connection %s before the response: a GET is retried', async (_, fault) => {
    const bad = await serve(fault);
    const good = await serve(echo);
    const { call } = start([bad, good]);
    const { report } = await call('/');
    expect(attempts(report)).toEqual([bad.id, good.id]);
  });

  test.each([
    ['reset', resetBeforeResponse],
    ['closed', finBeforeResponse],
  ])('a connection %s before the response: a POST is not sent again (F64)', async (_, fault) => {
    const bad = await serve(fault);
    const good = await serve(echo);
    const { call } = start([bad, good]);
    const error = await rejection(call('/', { method: 'POST', body: 'x' }));
    broken(error);
    expect(attempts(meshOf(error))).toEqual([bad.id]);
    expect([bad.requests.length, good.requests.length]).toEqual([1, 0]);
  });

  test('an answer that is no HTTP is retried elsewhere', async () => {
    const bad = await misbehave(gibberish);
    const good = await serve(echo);
    const { call } = start([bad, good]);
    expect(attempts((await call('/')).report)).toEqual([bad.id, good.id]);
  });

  test('a server that hangs is left after the time of an attempt, and another answers (F40)', async () => {
    const clock = new ManualClock();
    const bad = await serve(hang);
    const good = await serve(echo);
    const { call } = start([bad, good], { clock, attemptTimeoutMs: 300 });
    const calling = call('/');
    const request = await bad.request(1);
    await clock.advance(300);
    expect(attempts((await calling).report)).toEqual([bad.id, good.id]);
    await request.closed;
  });

  test('a server that hangs fails a POST after the time of an attempt: it may have been executed (F64)', async () => {
    const clock = new ManualClock();
    const bad = await serve(hang);
    const good = await serve(echo);
    const { call } = start([bad, good], { clock, attemptTimeoutMs: 300 });
    const calling = rejection(call('/', { method: 'POST', body: 'x' }));
    await bad.request(1);
    await clock.advance(300);
    const error = await calling;
    expect(meshError(error)).toMatchObject({ code: 'MESH_ATTEMPT_TIMEOUT', service: 'players', endpoint: bad.id });
    expect(attempts(meshOf(error))).toEqual([bad.id]);
    expect(good.requests.length).toBe(0);
  });

  test('an endpoint that lets no connection through is left after a second, even by a POST (F41)', async () => {
    const bad = await deaf();
    const good = await serve(echo);
    const { call } = start([bad, good], { attemptTimeoutMs: 10_000 });
    const res = await call('/', { method: 'POST', body: 'x' });
    expect(attempts(res.report)).toEqual([bad.id, good.id]);
    const took = res.report?.attempts[0]?.ms ?? Number.NaN;
    // undici's clock is coarse: it may take half a second more.
    expect(took > 900 && took < 2_500).toBe(true);
  });

  test('a body that drips is cut by the time of an attempt (F43)', async () => {
    const clock = new ManualClock();
    const bad = await serve(drip);
    const good = await serve(echo);
    const { call, mesh } = start([bad, good], { clock, attemptTimeoutMs: 300, health: { failures: 1 } });
    const calling = buffers ? call('/') : rejection(call('/'));
    const request = await bad.request(1);
    await headArrived(mesh, buffers);
    await clock.advance(300);
    await request.closed;
    const outcome = await calling;
    if (buffers) expect(attempts((outcome as Reply).report)).toEqual([bad.id, good.id]);
    else expect(meshError(outcome)).toMatchObject({ code: 'MESH_ATTEMPT_TIMEOUT' });
  });

  test.each([
    ['reset', () => serve(resetMidBody)],
    ['ended', endsMidBody],
  ])('a connection %s amid the body speaks against the endpoint (F44)', async (_, bad) => {
    const server = await bad();
    const good = await serve(echo);
    const { call, mesh } = start([server, good], { health: { failures: 1 } });
    const outcome = buffers ? await call('/') : await rejection(call('/'));
    if (buffers) expect(attempts((outcome as Reply).report)).toEqual([server.id, good.id]);
    else expect(outcome instanceof Error && !isMeshError(outcome)).toBe(true);
    expect([health(mesh, server), health(mesh, good)]).toEqual(['down', 'up']);
  });

  test('an endpoint that another service took over is left even by a POST, and its answer never seen (F38)', async () => {
    const stranger = await serve(misdirected);
    const good = await serve(echo);
    const { call, mesh } = start([stranger, good]);
    const body = bytes(30_000);
    const res = await call('/', { method: 'POST', body });
    expect(echoed(res).hash).toBe(sha(body));
    expect(attempts(res.report)).toEqual([stranger.id, good.id]);
    expect([health(mesh, stranger), health(mesh, good)]).toEqual(['down', 'up']);
  });

  test('when only a stranger is left its answer is not delivered (F38)', async () => {
    const { call } = start([await serve(misdirected)]);
    const error = await rejection(call('/', { method: 'POST', body: 'x' }));
    expect(meshError(error)).toMatchObject({ code: 'MESH_MISDIRECTED' });
  });

  test('a 421 of a server outside of any mesh is an answer', async () => {
    const server = await serve(reply(421, 'elsewhere'));
    const { call } = start([server]);
    const res = await call('/', { method: 'POST', body: 'x' });
    expect([res.status, res.body.toString()]).toEqual([421, 'elsewhere']);
    expect(server.requests.length).toBe(1);
  });

  // What servers say of their load.

  /** A busy server, which is called first, and an idle one; the mesh has heard the load of both. */
  const loaded = async () => {
    const { busy, idle, mesh } = await busyAndIdle((servers, options) => start(servers, options).mesh);
    const call = open(mesh);
    expect((await call('/')).status).toBe(503);
    expect([busy.executed(), idle.executed()]).toEqual([1, 1]);
    return { busy, idle, mesh, call, retries: counted(mesh, 'retries') };
  };

  // The server that is loaded is one of node:http.
  test.skipIf(http === 2).each([
    ['a GET', {}],
    ['a POST with 60,000 bytes', { method: 'POST', body: bytes(60_000) }],
  ])('%s that a busy server refuses goes to another, executed once and charged to nobody', async (_, options) => {
    const { busy, idle, mesh, call, retries } = await loaded();
    const res = await call('/', options);
    const { headers, hash } = echoed(res);
    expect(hash).toBe(sha('body' in options ? options.body : ''));
    expect(headers['mesh-attempt'] ?? '1').toBe('1');
    expect(res.report?.attempts.map(({ endpoint, verdict }) => [endpoint, verdict])).toEqual([
      [busy.id, 'ignorable'],
      [idle.id, 'success'],
    ]);
    expect(res.report?.attempts[0]?.error).toContain('refused the call before working on it: busy');
    expect([busy.executed(), idle.executed()]).toEqual([1, 2]);
    expect(busy.requests.at(-1)?.headers['mesh-limit']).toBe('4'); // the mean of 6 and 0, and one
    expect(counted(mesh, 'retries')).toBe(retries);
    expect(counted(mesh, 'busy_refusals')).toBe(1);
    expect(health(mesh, busy)).toBe('up');
  });

  test.skipIf(http === 2).each([10, 100_000])(
    'a stream of %i bytes is taken by the busy server: it could not be sent again',
    async (length) => {
      const { busy, call } = await loaded();
      const body = bytes(length);
      const res = await call('/', { method: 'POST', pieces: inPieces(body, 50_000) });
      expect(echoed(res).hash).toBe(sha(body));
      expect(attempts(res.report)).toEqual([busy.id]);
    },
  );

  test.skipIf(http === 2)('a body of more than 64 KiB is taken by the busy server', async () => {
    const { busy, call } = await loaded();
    const body = bytes(65_537);
    const res = await call('/', { method: 'POST', body });
    expect(echoed(res).hash).toBe(sha(body));
    expect(attempts(res.report)).toEqual([busy.id]);
  });

  test('a server that says nonsense of its load is served all the same, and it is counted', async () => {
    const server = await serve(reply(200, 'fine', { 'mesh-load': '1e9;-3', 'endpoint-load-metrics': 'TEXT ?' }));
    const { mesh, call } = start([server]);
    expect((await call('/')).body.toString()).toBe('fine');
    expect(counted(mesh, 'load_reports_ignored')).toBe(2);
  });

  // What is sent twice on purpose.

  test('a late GET goes to a second endpoint as well; what is overtaken is cancelled, and no failure', async () => {
    const clock = new ManualClock();
    const arrived: { readonly seen: Seen; readonly answer: () => void }[] = [];
    const servers = await Promise.all(
      ['first', 'second'].map((name) =>
        serve((_req, res, seen) => arrived.push({ seen, answer: () => res.end(name) })),
      ),
    );
    const { call, mesh } = start(servers, { clock, hedge: { budgetRatio: 0.1 }, breaker: { minimum: 1 } });
    for (let calls = 1; calls <= 100; calls++) {
      const calling = call('/');
      await until(() => arrived.length === calls);
      await clock.advance(10);
      arrived.at(-1)?.answer();
      await calling;
    }

    const calling = call('/');
    await until(() => arrived.length === 101);
    await clock.advance(10);
    await until(() => arrived.length === 102);
    const [late, hedged] = arrived.slice(100);
    hedged?.answer();
    const { body, report } = await calling;
    await late?.seen.closed;
    const [one, other] = attempts(report) ?? [];
    expect(new Set([one, other])).toEqual(new Set(servers.map(({ id }) => id)));
    expect(body.toString()).toBe(other === servers[0]?.id ? 'first' : 'second');
    expect(report?.attempts.map(({ verdict }) => verdict)).toEqual(['ignorable', 'success']);
    expect([counted(mesh, 'hedges'), counted(mesh, 'hedges_won'), counted(mesh, 'retries')]).toEqual([1, 1, 0]);
    expect(counted(mesh, 'attempts', { outcome: 'failure' })).toBe(0);
    const { breaker, endpoints } = mesh.explain('players');
    expect(breaker.state).toBe('closed');
    expect(endpoints.map(({ health, running }) => [health, running])).toEqual([
      ['up', 0],
      ['up', 0],
    ]);
  });

  test('F79: a redirect to somebody else is the answer: no header of the mesh, and none of the caller, goes there', async () => {
    const stranger = await serve(echo);
    const players = await serve(reply(307, 'over there', { location: `${stranger.url}/x` }));
    const { call } = start([players]);
    const res = await call('/', { headers: { authorization: 'secret' } });
    expect([res.status, res.header('location'), res.body.toString()]).toEqual([307, `${stranger.url}/x`, 'over there']);
    expect([players.requests.length, stranger.connections()]).toEqual([1, 0]);
  });

  // What ends a call early.

  test('the client of the request that a call is made for goes away: the call ends, and its server hears of it (F70)', async () => {
    const server = await serve(hang);
    const { call, mesh } = start([server, await serve(echo)], { health: { failures: 1 }, breaker: { minimum: 1 } });
    const request = new InboundRequest('teams', Number.POSITIVE_INFINITY, new ManualClock(), { writableEnded: false });
    const ambient = { trace: undefined, baggage: '', deadline: Number.POSITIVE_INFINITY, retried: false, request };
    const calling = rejection(runAmbient(ambient, () => call('/')));
    const arrival = await server.request(1);
    request.over();
    const error = await calling;
    expect(meshError(error)).toMatchObject({
      code: 'MESH_CANCELLED',
      message: "the call to 'players' was cancelled: the client of the request it is made for went away",
    });
    expect(meshOf(error)?.service).toBe('players');
    await arrival.closed;
    expect(meshError(await rejection(runAmbient(ambient, () => call('/'))))).toMatchObject({ code: 'MESH_CANCELLED' });
    expect(server.requests.length).toBe(1);
    const { breaker, endpoints } = mesh.explain('players');
    expect([breaker.state, ...endpoints.map(({ health, running }) => [health, running])]).toEqual([
      'closed',
      ['up', 0],
      ['up', 0],
    ]);
    expect(counted(mesh, 'retries')).toBe(0);
  });

  test.each([
    ['before the response', hang],
    ['amid the body', drip],
  ])('a caller that aborts %s is answered at once, and the server hears of it (F70)', async (_, answer) => {
    const server = await serve(answer);
    const { call, mesh } = start([server, await serve(echo)], { health: { failures: 1 } });
    const controller = new AbortController();
    const calling = rejection(call('/', { signal: controller.signal }));
    const request = await server.request(1);
    if (answer === drip) await headArrived(mesh, buffers);
    const reason = new Error('no longer wanted');
    controller.abort(reason);
    const error = await calling;
    aborted(error, reason);
    await request.closed;
    expect(getEventListeners(controller.signal, 'abort').length).toBe(0);
    expect(mesh.explain('players').endpoints.map(({ health, running }) => [health, running])).toEqual([
      ['up', 0],
      ['up', 0],
    ]);
    expect(counted(mesh, 'retries')).toBe(0);
  });

  test('a signal that aborted before the call sends nothing', async () => {
    const server = await serve(echo);
    const { call } = start([server]);
    const reason = new Error('too late');
    aborted(await rejection(call('/', { signal: AbortSignal.abort(reason) })), reason);
    expect(server.requests.length).toBe(0);
  });

  test('no call leaves a listener on the signal of its caller (F70)', async () => {
    const { call, mesh } = start([await serve(reply(503, 'busy')), await serve(echo)], { breaker: { minimum: 5 } });
    const { signal } = new AbortController();
    for (let i = 0; i < 20; i++) await call('/', { signal });
    for (let i = 0; i < 5; i++) await call('/', { signal, method: 'POST', body: 'x' });
    expect(getEventListeners(signal, 'abort').length).toBe(0);
    expect(mesh.explain('players').endpoints.every(({ running }) => running === 0)).toBe(true);
  });

  test('a call that the breaker refuses leaves no listener on the signal of its caller (F70)', async () => {
    const { call, mesh } = start([await serve(reply(500))], { breaker: { minimum: 5 } });
    const { signal } = new AbortController();
    for (let i = 0; i < 5; i++) await call('/', { signal });
    expect(mesh.explain('players').breaker.state).toBe('open');
    for (let i = 0; i < 5; i++)
      expect(meshError(await rejection(call('/', { signal })))).toMatchObject({ code: 'MESH_BREAKER_OPEN' });
    expect(getEventListeners(signal, 'abort').length).toBe(0);
  });

  test('a call is given up at its deadline, attempts and all', async () => {
    const clock = new ManualClock();
    const server = await serve(hang);
    const { call } = start([server], { clock, deadlineMs: 500, attemptTimeoutMs: false });
    const calling = rejection(call('/'));
    const request = await server.request(1);
    await clock.advance(500);
    const error = await calling;
    expect(meshError(error)).toMatchObject({
      code: 'MESH_DEADLINE',
      message: "the call to 'players' did not end within 500 ms",
    });
    expect(meshOf(error)?.service).toBe('players');
    await request.closed;
    expect(clock.pending <= 3).toBe(true);
  });

  test('a service that nobody announced fails within 100 ms, and says what is known', async () => {
    const mesh = meshOver([], { registry: { payments: ['http://127.0.0.1:1'], players: [] } });
    const before = performance.now();
    const error = await rejection(open(mesh)('/'));
    expect(performance.now() - before < 100).toBe(true);
    expect(meshError(error)).toMatchObject({
      code: 'MESH_NO_ENDPOINTS',
      message: "no endpoint of 'players' is known: nobody announced it to static (it knows payments, players)",
    });
  });

  test('a query that nothing matches names what was asked for and what is there', async () => {
    const attributes = { environment: 'staging' };
    const mesh = meshOver([], {
      registry: { players: [1, 2, 3].map((n) => ({ url: `http://127.0.0.${n}:8080`, attributes })) },
      where: { environment: 'production' },
    });
    expect(meshError(await rejection(open(mesh)('/')))).toMatchObject({
      message: "no endpoint of 'players' matches environment=production (3 known, all environment=staging)",
    });
  });

  test('a call after the mesh was closed is refused', async () => {
    const server = await serve(echo);
    const { call, mesh } = start([server]);
    await call('/');
    await mesh.close();
    expect(meshError(await rejection(call('/')))).toMatchObject({ code: 'MESH_CLOSED' });
    expect(server.requests.length).toBe(1);
  });

  test('a call that waits for its next attempt is refused when the mesh is closed meanwhile', async () => {
    const clock = new ManualClock();
    const { call, mesh } = start([await serve(reply(503))], { clock, retry: { baseMs: 1_000, maxMs: 1_000 } });
    const calling = rejection(call('/'));
    await until(() => counted(mesh, 'retries') === 1);
    await mesh.close();
    await clock.advance(1_000);
    expect(meshError(await calling)).toMatchObject({ code: 'MESH_CLOSED' });
  });

  test('closing the mesh ends the calls under way and all connections', async () => {
    const server = await serve(hang);
    const { call, mesh } = start([server]);
    const callings = [rejection(call('/')), rejection(call('/', { method: 'POST', body: 'x' }))];
    const request = await server.request(2);
    await mesh.close();
    const errors = await Promise.all(callings);
    for (const error of errors) expect(meshError(error)).toMatchObject({ code: 'MESH_CLOSED' });
    await request.closed;
    await until(() => server.open() === 0);
  });
}

/** Resolves when something that no event tells of is so. */
export async function until(so: () => boolean): Promise<void> {
  while (!so()) await new Promise((resolve) => setTimeout(resolve, 1));
}

/** Resolves when the head of a response is with the mesh: at once for clients of which nobody can see that. */
async function headArrived(mesh: Mesh, buffers: boolean): Promise<void> {
  if (!buffers) await until(() => counted(mesh, 'calls') === 1);
}

async function* inPieces(all: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < all.length; at += size) {
    yield all.subarray(at, at + size);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
