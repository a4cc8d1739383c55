import http2 from 'node:http2';
import https from 'node:https';
import { Readable } from 'node:stream';
import tls from 'node:tls';
import got from 'got';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ConnectionOptions, Mesh } from '../../src/index.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { tcpSwitch } from '../chaos/tcp-switch.ts';
import { looked } from '../discovery/setup.ts';
import { type SelfSigned, selfSigned } from '../support/certificates.ts';
import { serveHttp2 } from '../support/http2-server.ts';
import { bytes, type Echo, reply, serve, sha, start } from '../support/servers.ts';
import { until } from './contract.ts';
import { closeAll, meshOver, rejection } from './setup.ts';

afterEach(closeAll);

let players: SelfSigned;
beforeAll(() => {
  players = selfSigned('players'); // what is called has to prove that it is the service
  tls.setDefaultCACertificates([...tls.getCACertificates(), players.cert]);
});

const meshOf2 = (server: { readonly url: string }, connections: ConnectionOptions = {}) =>
  meshOver([{ url: server.url }], { retry: false, connections: { http: 2, ...connections } });

type Server = Awaited<ReturnType<typeof serveHttp2>>;

/** Tells what came, as `echo` does. */
const echo: Parameters<typeof serveHttp2>[0] = async (req, res) => {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  const { method, url, headers } = req;
  res.writeHead(200, { 'content-type': 'application/json', 'x-many': 'a' });
  res.end(JSON.stringify({ method, url, headers, length: body.length, hash: sha(body), text: body.toString() }));
};

describe.each([
  ['without TLS', false],
  ['over TLS', true],
] as const)('HTTP/2 %s', (_name, secure) => {
  const begin = (...[answer, options]: Parameters<typeof serveHttp2>): Promise<Server> =>
    serveHttp2(answer, { ...options, ...(secure && { secure: players }) });

  test('is what the native client speaks, with all that the mesh writes', async () => {
    const server = await begin(echo);
    const body = 'x'.repeat(300_000);
    const answer = meshOf2(server)
      .client('players')
      .post('/a?b=c', { body, headers: { 'X-Own': 'mine' } });
    const seen = await answer.json<Echo>();
    expect(server.versions).toEqual(['2.0']);
    expect(seen).toMatchObject({ method: 'POST', url: '/a?b=c', length: 300_000, hash: sha(body) });
    expect(seen.headers).toMatchObject({
      ':authority': 'players',
      'x-own': 'mine',
      'mesh-target': `players;${server.id}`,
    });
    const { status, headers } = await answer;
    expect([status, headers['x-many'], Object.keys(headers).filter((name) => name.startsWith(':'))]).toEqual([
      200,
      'a',
      [],
    ]);
  });

  test('is read no faster than its reader wants it', async () => {
    const body = bytes(5_000_000);
    let written = 0;
    const server = await begin((_req, res) => {
      const parts = (function* () {
        for (; written < body.length; written += 50_000) yield body.subarray(written, written + 50_000);
      })();
      Readable.from(parts).pipe(res.stream);
    });
    const res = await meshOf2(server).client('players').stream('GET', '/');
    await until(() => written > 0);
    await looked();
    expect(written).toBeLessThan(3_000_000);
    const chunks: Buffer[] = [];
    for await (const chunk of res.body) chunks.push(chunk as Buffer);
    expect(sha(Buffer.concat(chunks))).toBe(sha(body));
  });

  test('is what fetch speaks', async () => {
    const server = await begin(echo);
    const fetch = meshOf2(server).wrap(globalThis.fetch);
    const res = await fetch('http://players/a', { method: 'POST', body: 'hello' });
    expect([res.status, res.headers.get('x-many'), ((await res.json()) as Echo).text]).toEqual([200, 'a', 'hello']);
    expect(server.versions).toEqual(['2.0']);
  });

  test('has many calls over one connection, and another connection for what is beyond its streams', async () => {
    const server = await begin((_req, res) => setImmediate(() => res.end('ok')));
    const many = (mesh: Mesh, count: number): Promise<string[]> =>
      Promise.all(Array.from({ length: count }, () => mesh.client('players').get('/').text()));
    expect(new Set(await many(meshOf2(server), 50))).toEqual(new Set(['ok']));
    expect(server.connections()).toBe(1);
    expect(new Set(await many(meshOf2(server, { streams: 10, max: 3 }), 50))).toEqual(new Set(['ok']));
    expect(server.connections()).toBeGreaterThan(2);
    expect(server.connections()).toBeLessThanOrEqual(4);
  });

  test('gives one call up without touching the others on its connection', async () => {
    let release = () => {};
    const server = await begin((req, res) => {
      if (req.url === '/given-up') res.stream.once('close', () => release());
      else release = () => res.end('ok');
    });
    const client = meshOf2(server).client('players');
    const other = client.get('/').text();
    await until(() => server.versions.length === 1);
    const controller = new AbortController();
    const givenUp = rejection(client.get('/given-up', { signal: controller.signal }));
    await until(() => server.versions.length === 2);
    controller.abort();
    expect(await givenUp).toMatchObject({ code: 'MESH_CANCELLED' });
    expect(await other).toBe('ok');
    expect(server.connections()).toBe(1);
  });

  test('moves to new connections as they age, and loses no call over it', async () => {
    const server = await begin((_req, res) => res.end('ok'));
    const client = meshOf2(server, { maxAgeMs: 5 }).client('players');
    const worker = async () => {
      for (let i = 0; i < 50 || (i < 2_000 && server.connections() < 10); i++)
        expect(await client.get('/').text()).toBe('ok');
    };
    await Promise.all(Array.from({ length: 8 }, worker));
    expect(server.connections()).toBeGreaterThanOrEqual(10);
  });

  test('F75: loses no call when the server closes the connection in good order', async () => {
    const server = await begin((_req, res) => setImmediate(() => res.end('ok')));
    const client = meshOf2(server).client('players');
    for (let burst = 1; burst <= 5; burst++) {
      const calls = Array.from({ length: 40 }, () => client.post('/', { json: 1 }).text());
      await until(() => server.versions.length > (burst - 1) * 40);
      for (const session of server.sessions) session.close();
      expect(await Promise.all(calls)).toEqual(Array(40).fill('ok'));
    }
    expect(server.versions.length).toBe(200); // none was run twice
    expect(server.connections()).toBeGreaterThan(1);
  });

  test('what a server resets counts as a broken connection, of that call alone; what it refuses was not worked on', async () => {
    let reset = true;
    const server = await begin((req, res) => {
      const { constants } = http2;
      if (req.url === '/breaks') res.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
      else if (req.url === '/cut') res.write('half', () => res.stream.close(constants.NGHTTP2_INTERNAL_ERROR));
      else if (req.url === '/refused' && reset) {
        reset = server.versions.length < 5;
        res.stream.close(constants.NGHTTP2_REFUSED_STREAM);
      } else res.end('ok');
    });
    const client = meshOver([server], { connections: { http: 2 } }).client('players');
    expect(await rejection(client.post('/breaks'))).toMatchObject({ code: 'MESH_TRANSPORT', resend: 'idempotent' });
    expect(await rejection(client.post('/cut'))).toMatchObject({ code: 'MESH_TRANSPORT', resend: 'idempotent' });
    expect(await client.post('/refused').text()).toBe('ok');
    expect(server.connections()).toBe(1);
  });

  test.each([
    { te: 'gzip' },
    { connection: 'close' },
    { 'Proxy-Connection': 'keep-alive' },
    { 'HTTP2-Settings': 'AAMAAABkAAQAAP__' },
    { 'Content-Type': 'text/a', 'content-type': 'text/b' },
  ])('a call with the headers %j, which it does not have, ends no other on its connection', async (headers) => {
    const server = await begin(echo);
    const mesh = meshOf2(server);
    const [client, fetch] = [mesh.client('players'), mesh.wrap(globalThis.fetch)];
    await client.get('/');
    const of = async (call: Promise<Echo>) => Object.keys((await call).headers).filter((name) => name in headers);
    const others = [client.get('/').json<Echo>(), client.get('/').json<Echo>()];
    expect(await of(client.get('/', { headers }).json<Echo>())).toEqual(Object.keys(headers).slice(1));
    if (!('connection' in headers)) await (await fetch('http://players/', { headers })).text();
    await Promise.all(others);
    expect(server.connections()).toBe(1);
  });

  test('closes a connection that nobody uses', async () => {
    const server = await begin((_req, res) => res.end('ok'));
    const client = meshOf2(server, { idleMs: 20 }).client('players');
    await client.get('/');
    await until(() => server.open() === 0);
    expect(await client.get('/').text()).toBe('ok');
  });

  test('leaves a connection over which nothing comes any more, which takes the calls on it along', async () => {
    const server = await begin((req, res) => {
      if (req.url === '/') res.end('ok');
    });
    const port = Number(new URL(server.url).port);
    const relay = await tcpSwitch(port);
    const clock = new ManualClock();
    const url = server.url.replace(/\d+$/, String(relay.port));
    const off = { attemptTimeoutMs: false, deadlineMs: false, retry: false } as const;
    const mesh = meshOver([{ url }], { clock, connections: { http: 2 }, ...off });
    const client = mesh.client('players');
    const slow = rejection(client.get('/slow'));
    // As long as anything comes, one that takes its time is waited for.
    for (let i = 0; i < 5; i++) {
      expect(await client.get('/').text()).toBe('ok');
      await clock.advance(5_000);
    }
    expect(server.connections()).toBe(1);
    relay.stall();
    const lost = rejection(client.get('/'));
    await until(() => mesh.explain('players').endpoints[0]?.running === 2);
    await clock.advance(5_000);
    await clock.advance(5_000);
    expect(await slow).toMatchObject({ code: 'MESH_TRANSPORT', resend: 'idempotent' });
    expect(await lost).toMatchObject({ code: 'MESH_TRANSPORT', resend: 'idempotent' });
    relay.to(port);
    expect(await client.get('/').text()).toBe('ok');
    expect(server.connections()).toBe(2);
    await mesh.close();
    await relay.close();
  });

  test('can be made ahead, and is then used by the first call', async () => {
    const servers = await Promise.all([begin((_req, res) => res.end('a')), begin((_req, res) => res.end('b'))]);
    const mesh = meshOver(servers, { connections: { http: 2, warm: 5 }, retry: { baseMs: 0, maxMs: 0 } });
    await mesh.client('players').get('/');
    const [first, second] = servers;
    await until(() => second.sessions.length === 1);
    await first.close();
    expect(await mesh.client('players').get('/').text()).toBe('b');
    expect(second.connections()).toBe(1);
  });
});

test('HTTP/1.1 is what is spoken over TLS too unless 2 is said, and with a server that has no 2', async () => {
  const both = await serveHttp2((_req, res) => res.end('ok'), { secure: players });
  await meshOf2(both, { http: 1 }).client('players').get('/');
  expect(both.versions).toEqual(['1.1']);
  const versions: string[] = [];
  const old = await start(
    https.createServer({ ...players }, (req, res) => {
      versions.push(req.httpVersion);
      res.end('ok');
    }),
  );
  const client = meshOf2({ url: old.url.replace('http:', 'https:') }).client('players');
  expect(await Promise.all([client.get('/').text(), client.get('/').text()])).toEqual(['ok', 'ok']);
  expect(versions).toEqual(['1.1', '1.1']);
});

test('who does not prove to be the service is not called', async () => {
  const server = await serveHttp2((_req, res) => res.end('ok'), { secure: selfSigned('teams') });
  expect(await rejection(meshOf2(server).client('players').get('/'))).toMatchObject({ code: 'MESH_CONNECT' });
  expect(server.versions).toEqual([]);
});

test('a server without TLS that has no HTTP/2 fails the call', async () => {
  const server = await serve(reply(200, 'ok'));
  expect(await rejection(meshOf2(server).client('players').get('/'))).toMatchObject({ code: 'MESH_TRANSPORT' });
});

test('got has no HTTP/2, and says so', async () => {
  const server = await serve(reply(200, 'ok'));
  const error = await rejection(Promise.resolve(meshOf2(server).wrap(got)('http://players/')));
  expect(error).toMatchObject({
    message: "got speaks HTTP/1.1 only, and connections.http of 'players' is 2: use mesh.client or fetch",
  });
  expect(server.requests).toEqual([]);
});
