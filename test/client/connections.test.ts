import https from 'node:https';
import tls from 'node:tls';
import got from 'got';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { createMemoryRegistry } from '../../src/discovery/memory.ts';
import { type ConnectionOptions, createMesh, type Mesh, meshOf } from '../../src/index.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { createScope, instanceOf, looked } from '../discovery/setup.ts';
import { selfSigned } from '../support/certificates.ts';
import { type Answer, misbehave, nobody, reply, serve, start } from '../support/servers.ts';
import { until } from './contract.ts';
import { closeAll, meshOver, rejection } from './setup.ts';

afterEach(closeAll);

/** Each way to call, as one function that resolves with the body. */
const clients: readonly (readonly [string, (mesh: Mesh) => (path?: string, service?: string) => Promise<string>])[] = [
  [
    'the native client',
    (mesh) =>
      (path = '/', service = 'players') =>
        mesh.client(service).get(path).text(),
  ],
  [
    'fetch',
    (mesh) => {
      const fetch = mesh.wrap(globalThis.fetch);
      return async (path = '/', service = 'players') => (await fetch(`http://${service}${path}`)).text();
    },
  ],
  [
    'got',
    (mesh) => {
      const http = mesh.wrap(got);
      return (path = '/', service = 'players') => http(`http://${service}${path}`).text();
    },
  ],
];

/** Answers none before it is told to. */
function held() {
  const waiting: (() => void)[] = [];
  let open = false;
  const answer: Answer = (_req, res) => {
    const go = () => res.writeHead(200, { 'content-length': 4, 'keep-alive': 'timeout=600' }).end('late');
    if (open) go();
    else waiting.push(go);
  };
  /** Answers all from now on, or only the first. */
  const release = (first = Number.POSITIVE_INFINITY) => {
    open = first === Number.POSITIVE_INFINITY;
    for (const go of waiting.splice(0, first)) go();
  };
  return { answer, release };
}

/** Answers as a server that says nothing of how long it keeps a connection, or what it is told to. */
function keeping(hint?: number): Answer {
  return (req, res) => {
    res.writeHead(200, {
      connection: 'keep-alive',
      ...(hint !== undefined && { 'keep-alive': `timeout=${hint}` }),
      'content-length': 2,
    });
    res.end('ok');
    req.socket.setTimeout(0);
  };
}

describe.each(clients)('%s', (_name, open) => {
  test('makes as many connections to an endpoint as it may, and no more; what is beyond waits', async () => {
    const { answer, release } = held();
    const server = await serve(answer);
    const call = open(meshOver([server], { connections: { max: 2 } }));
    const calls = Array.from({ length: 10 }, () => call());
    await server.request(2);
    await looked(() => server.requests.length > 2);
    expect([server.connections(), server.requests.length]).toEqual([2, 2]);
    release();
    expect(await Promise.all(calls)).toEqual(Array(10).fill('late'));
    expect(server.connections()).toBe(2);
  });

  test('waits for a connection no longer than an attempt may take, and does not send what came too late', async () => {
    const { answer, release } = held();
    const server = await serve(answer);
    const clock = new ManualClock();
    const mesh = createMesh({
      self: { service: 'teams' },
      registry: { players: [server.url], patient: [server.url] },
      logger: false,
      clock,
      defaults: { retry: false, deadlineMs: false, connections: { max: 1 } },
      services: { patient: { attemptTimeoutMs: false } },
    });
    const call = open(mesh);
    const first = call('/', 'patient');
    await server.request(1);
    const waiting = rejection(call('/late'));
    await until(() => mesh.explain('players').endpoints[0]?.running === 1);
    await clock.advance(3_000);
    expect(meshOf(await waiting)?.attempts[0]?.error).toMatch(/did not answer within 3000 ms/);
    release();
    expect(await first).toBe('late');
    await call('/next');
    expect(server.requests.map(({ url }) => url)).toEqual(['/', '/next']);
    await mesh.close();
  });

  test('closes a connection that nobody uses', async () => {
    const [server, longer] = await Promise.all([serve(keeping()), serve(keeping())]);
    await open(meshOver([longer], { connections: { idleMs: 4_000 } }))();
    const call = open(meshOver([server], { connections: { idleMs: 20 } }));
    await call();
    await (await server.request(1)).closed;
    expect(longer.open()).toBe(1);
    expect(await call()).toBe('ok');
    expect(server.connections()).toBe(2);
  });

  test('does not keep a connection that the server will close within two seconds', async () => {
    const server = await serve(keeping(2));
    const call = open(meshOver([server]));
    await call();
    await (await server.request(1)).closed;
  });

  test('keeps a connection for as long as the server does, if that is longer', async () => {
    const servers = await Promise.all([serve(keeping(60)), serve(keeping())]);
    const [kept, closed] = servers;
    const mesh = createMesh({
      self: { service: 'teams' },
      registry: { players: [kept.url], others: [closed.url] },
      logger: false,
      defaults: { connections: { idleMs: 20 } },
    });
    await open(mesh)();
    await mesh.client('others').get('/');
    await (await closed.request(1)).closed;
    expect(kept.open()).toBe(1);
    await mesh.close();
  });

  test('moves to new connections as they age, and loses no call over it', async () => {
    const server = await serve(keeping());
    // Beyond its age from the first answer on: each connection serves what finds it free, and is closed.
    const mesh = meshOver([server], { retry: false, connections: { maxAgeMs: 5, max: 4 } });
    const call = open(mesh);
    const worker = async () => {
      for (let i = 0; i < 100 || (i < 2_000 && server.connections() < 20); i++) expect(await call()).toBe('ok');
    };
    await Promise.all(Array.from({ length: 8 }, worker));
    expect(server.connections()).toBeGreaterThanOrEqual(20);
    // The server hears of those that were closed a moment later, and on a busy machine much later.
    await until(() => server.open() <= 4);
  });

  test('lets a response that is under way come to its end when its connection has aged', async () => {
    const { answer, release } = held();
    const server = await serve(answer, keeping());
    const call = open(meshOver([server], { connections: { maxAgeMs: 1 } }));
    const slow = call();
    await server.request(1);
    await call();
    for (let i = 0; i < 2_000 && server.connections() < 4; i++) await call();
    expect(server.connections()).toBeGreaterThanOrEqual(4);
    release();
    expect(await slow).toBe('late');
    await (await server.request(1)).closed;
  });

  test('F89: keeps no connection to an endpoint that left, nor opens one when what was under way there ends', async () => {
    const { answer, release } = held();
    // As long as it is the server's to say.
    const server = await serve(answer, answer, keeping(600));
    const { registry } = createMemoryRegistry();
    const instance = instanceOf({ host: '127.0.0.1', port: Number(new URL(server.url).port) });
    const announced = registry(createScope()).announce(instance);
    const mesh = meshOver([], { registry, connections: { max: 2 } });
    const call = open(mesh);
    const two = [call(), call()];
    await server.request(2);
    release(1);
    await Promise.race(two);
    await looked();
    expect(server.open()).toBe(2);
    await announced.leave();
    await until(() => mesh.explain('players').endpoints.length === 0);
    await looked(() => server.open() === 1);
    expect(server.open()).toBe(1);
    release();
    expect(await Promise.all(two)).toEqual(['late', 'late']);
    await looked(() => server.open() === 0); // the server itself would close it after some seconds
    expect([server.open(), server.connections()]).toEqual([0, 2]);
  });

  test('what waits for a connection when the mesh is closed fails, and is not sent', async () => {
    const { answer } = held();
    const server = await serve(answer);
    const mesh = meshOver([server], { connections: { max: 1 }, retry: false });
    const call = open(mesh);
    const calls = Array.from({ length: 3 }, () => rejection(call()));
    await server.request(1);
    await until(() => mesh.explain('players').endpoints[0]?.running === 3);
    await mesh.close();
    for (const error of await Promise.all(calls)) expect(String(meshOf(error)?.attempts[0]?.error)).toContain('closed');
    await looked(() => server.connections() > 1);
    expect([server.connections(), server.requests.length]).toEqual([1, 1]);
  });

  test('keeps as many connections as it may have for the next calls', async () => {
    const { answer, release } = held();
    const server = await serve(answer, ...Array<Answer>(259).fill(answer), keeping(60));
    const call = open(meshOver([server], { concurrency: false, attemptTimeoutMs: false }));
    const burst = () => Array.from({ length: 260 }, () => call());
    const first = burst();
    await server.request(260);
    release();
    await Promise.all(first);
    await looked(); // undici puts a connection back a little after its response
    await Promise.all(burst());
    expect(server.connections()).toBe(260);
  });

  test('F47: a connection that the server closes as it is used costs a GET no more than another attempt', async () => {
    const server = await misbehave((socket, nth) => {
      let requests = 0;
      socket.on('data', () => {
        if (nth === 1 && ++requests === 2) socket.destroy();
        else socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
      });
    });
    const call = open(meshOver([server]));
    expect([await call(), await call()]).toEqual(['ok', 'ok']);
    expect(server.connections()).toBe(2);
  });
});

test.each(clients.slice(0, 2))(
  '%s: a call that waits for a connection gets one when one that aged has ended, whoever came after it',
  async (_name, open) => {
    const { answer, release } = held();
    const server = await serve(answer, answer, answer, keeping());
    const call = open(meshOver([server], { retry: false, connections: { maxAgeMs: 60_000, max: 2 } }));
    const two = [call(), call()];
    await server.request(2);
    const waiting = call();
    const now = Date.now() + 120_000;
    const later = vi.spyOn(Date, 'now').mockImplementation(() => now);
    onTestFinished(() => later.mockRestore());
    // Takes the place of the two, which are to end; then one of these does.
    const third = call();
    await server.request(3);
    release(1);
    expect(await waiting).toBe('ok');
    release();
    expect(await Promise.all([...two, third])).toEqual(['late', 'late', 'late']);
  },
);

test('F47: a POST over such a connection is not sent again: it may have been worked on', async () => {
  const received: string[] = [];
  const server = await misbehave((socket) => {
    socket.on('data', (chunk) => {
      received.push(String(chunk).split(' ')[0] ?? '');
      if (received.length === 2) socket.destroy();
      else socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
    });
  });
  const players = meshOver([server]).client('players');
  await players.get('/');
  expect(await rejection(players.post('/', { json: 1 }))).toMatchObject({ code: 'MESH_TRANSPORT' });
  expect(received).toEqual(['GET', 'POST']);
});

test('F41: got leaves a server with which no TLS comes about after a second, even by a POST', async () => {
  const players = selfSigned('players');
  tls.setDefaultCACertificates([...tls.getCACertificates(), players.cert]);
  const silent = await misbehave(() => {});
  const good = await start(https.createServer(players, (_req, res) => res.end('ok')));
  const secure = [silent, good].map(({ url }) => ({ url: url.replace('http:', 'https:') }));
  const clock = new ManualClock();
  const call = meshOver(secure, { clock }).wrap(got).post('http://players/', { json: 1 });
  await silent.connected(1);
  await until(() => clock.pending > 2);
  await clock.advance(1_000);
  expect((await call).body).toBe('ok');
});

describe.each(clients)('connections that %s makes ahead', (_name, open) => {
  const hub = () => {
    const { registry } = createMemoryRegistry();
    const owner = registry(createScope());
    return {
      registry,
      join: (id: string, url: string) =>
        owner.announce(instanceOf({ id, host: '127.0.0.1', port: Number(new URL(url).port) })),
    };
  };

  test('are made to the others when a service is first called, and used by the first call of each', async () => {
    const servers = await Promise.all([serve(reply(200, 'ok')), serve(reply(200, 'ok'))]);
    const [first, second] = servers;
    const mesh = meshOver(servers, { connections: { warm: 10 }, retry: { attempts: 2 } });
    await looked(() => first.connections() > 0);
    expect(first.connections()).toBe(0);
    await open(mesh)();
    await second.connected(1);
    expect(second.requests).toEqual([]);
    expect(first.connections()).toBe(1);
    await first.close();
    // The first is gone; its calls go to the other, over the connection that waits there.
    expect(await open(mesh)()).toBe('ok');
    expect([second.connections(), second.requests.length]).toEqual([1, 1]);
  });

  test('are made to one that joins, and closed when no call comes for them', async () => {
    const { registry, join } = hub();
    const [first, second] = await Promise.all([serve(reply(200)), serve(reply(200))]);
    join('a', first.url);
    const clock = new ManualClock();
    const mesh = meshOver([], { registry, clock, connections: { warm: 1 } });
    await open(mesh)();
    join('b', second.url);
    await second.connected(1);
    await until(() => second.open() === 1);
    await until(() => clock.pending > 0);
    await clock.advance(4_000);
    await until(() => second.open() === 0);
    expect(second.requests).toEqual([]);
  });

  test('are no more than is said, and none when nothing is', async () => {
    const { registry, join } = hub();
    const servers = await Promise.all(Array.from({ length: 6 }, () => serve(reply(200))));
    for (const [i, { url }] of servers.entries()) join(`p-${i}`, url);
    const made = () => servers.reduce((sum, { connections }) => sum + connections(), 0);
    await open(meshOver([], { registry }))();
    await looked(() => made() > 1);
    expect(made()).toBe(1);
    await open(meshOver([], { registry, connections: { warm: 2 } }))();
    await until(() => made() >= 3);
    await looked(() => made() > 4);
    expect(made()).toBeLessThanOrEqual(4); // one for the call, and two ahead, of which it may have taken one
  });

  test('are none where no calls go: in other zones, and outside of the subset', async () => {
    const servers = await Promise.all(Array.from({ length: 14 }, () => serve(reply(200))));
    const registry = {
      players: servers.map(({ url }, i) => ({ url, attributes: { zone: i < 3 ? 'eu-1a' : 'eu-1b' } })),
    };
    const called = () => servers.filter(({ connections }) => connections() > 0);
    const mesh = meshOver([], { registry, self: { service: 'teams', zone: 'eu-1a' }, connections: { warm: 20 } });
    await open(mesh)();
    await until(() => called().length >= 3);
    await looked(() => called().length > 3);
    expect(called()).toEqual(servers.slice(0, 3));
    await mesh.close();
    await until(() => servers.every((server) => server.open() === 0));
    const few = meshOver([], { registry, subset: { size: 12 }, connections: { warm: 20 } });
    await open(few)();
    await until(() => servers.filter((server) => server.open() > 0).length >= 12);
    await looked(() => servers.filter((server) => server.open() > 0).length > 12);
    expect(servers.filter((server) => server.open() > 0).length).toBe(12);
  });

  test('speak against nobody when they cannot be made', async () => {
    const good = await serve(reply(200));
    const rude = await misbehave((socket) => socket.end('HTTP/1.1 408 Request Timeout\r\n\r\n'));
    const clock = new ManualClock();
    const mesh = meshOver([good, await nobody(), rude], { clock, connections: { warm: 5 }, health: { failures: 1 } });
    await open(mesh)();
    await rude.connected(1);
    await until(() => {
      void clock.advance(4_000);
      return rude.open() === 0;
    });
    expect(mesh.explain('players').endpoints.map(({ health }) => health)).toEqual(['up', 'up', 'up']);
  });

  test('are none for a name that a request brought', async () => {
    const servers = await Promise.all([serve(reply(200)), serve(reply(200))]);
    const mesh = meshOver(servers, { connections: { warm: 5 } });
    await mesh.withNames({ players: 'made-up' }, () => open(mesh)());
    await looked(() => servers[1].connections() > 0);
    expect(servers.map(({ connections }) => connections())).toEqual([1, 0]);
  });

  test('close with their endpoint, and with the mesh', async () => {
    const { registry, join } = hub();
    const servers = await Promise.all([serve(reply(200)), serve(reply(200)), serve(reply(200))]);
    const [first, second, third] = servers;
    join('a', first.url);
    const mesh = meshOver([], { registry, connections: { warm: 5 } });
    await open(mesh)();
    const leaving = join('b', second.url);
    join('c', third.url);
    await Promise.all([second.connected(1), third.connected(1)]);
    await leaving.leave();
    await until(() => second.open() === 0);
    expect(third.open()).toBe(1);
    await mesh.close();
    await until(() => third.open() === 0);
  });
});

test('over TLS got proves servers by their service ahead of a call, as it would for one', async () => {
  const players = selfSigned('players');
  tls.setDefaultCACertificates([...tls.getCACertificates(), players.cert]);
  const secure = () => start(https.createServer(players, (_req, res) => res.end('ok')));
  const [first, second] = await Promise.all([secure(), secure()]);
  const https_ = [first, second].map(({ url }) => ({ url: url.replace('http:', 'https:') }));
  const http = meshOver(https_, { connections: { warm: 5 } }).wrap(got);
  const call = () => http('http://players/').text();
  expect(await call()).toBe('ok');
  await second.connected(1);
  await first.close();
  expect(await call()).toBe('ok');
  expect(second.connections()).toBe(1);
});

test('a got that says itself how servers are proved, or brings an agent, makes no connections ahead', async () => {
  const players = selfSigned('players');
  const servers = await Promise.all([1, 2].map(() => start(https.createServer(players, (_req, res) => res.end('ok')))));
  const secure = servers.map(({ url }) => ({ url: url.replace('http:', 'https:') }));
  const http = meshOver(secure, { connections: { warm: 5 } }).wrap(got);
  const certificateAuthority = players.cert;
  expect(await http('http://players/', { https: { certificateAuthority } }).text()).toBe('ok');
  const agent = new https.Agent({ ca: players.cert });
  expect(await http('http://players/', { agent: { https: agent, http: agent as never } }).text()).toBe('ok');
  await looked(() => (servers[1]?.connections() ?? 0) > 0);
  expect(servers[1]?.connections()).toBe(0);
});

test('the connections of an endpoint that left are closed after its last response', async () => {
  const { answer, release } = held();
  const server = await serve(answer);
  const { registry } = createMemoryRegistry();
  const instance = instanceOf({ host: '127.0.0.1', port: Number(new URL(server.url).port) });
  const announced = registry(createScope()).announce(instance);
  const mesh = meshOver([], { registry });
  const slow = mesh.client('players').get('/').text();
  const request = await server.request(1);
  await announced.leave();
  await until(() => mesh.explain('players').endpoints.length === 0);
  expect(server.open()).toBe(1);
  release();
  expect(await slow).toBe('late');
  await request.closed;
});

test('the connections of an instance that comes back at another address are closed', async () => {
  const [before, after] = await Promise.all([serve(keeping(600)), serve(keeping(600))]);
  const { registry } = createMemoryRegistry();
  const owner = registry(createScope());
  const at = ({ url }: { readonly url: string }, generation: number) =>
    instanceOf({ id: 'p-1', host: '127.0.0.1', port: Number(new URL(url).port), generation });
  owner.announce(at(before, 1));
  const mesh = meshOver([], { registry });
  const [native, http] = [mesh.client('players'), mesh.wrap(got)];
  const both = () => Promise.all([native.get('/').text(), http('http://players/').text()]);
  await both();
  await looked();
  expect(before.open()).toBe(2);
  owner.announce(at(after, 2));
  await looked(() => before.open() === 0); // the server itself would close them after some seconds
  expect(before.open()).toBe(0);
  await both();
  expect([before.connections(), after.connections()]).toEqual([2, 2]);
});

test.each<[string, ConnectionOptions, string]>([
  ['max', { max: 0 }, 'defaults.connections.max must be an integer from 1 to 65535, not 0'],
  ['idleMs', { idleMs: 0 }, 'defaults.connections.idleMs must be a number of milliseconds from 1 to 600000, not 0'],
  [
    'maxAgeMs',
    { maxAgeMs: 0 },
    'defaults.connections.maxAgeMs must be a number of milliseconds from 1 to 86400000, not 0',
  ],
  ['streams', { streams: 0 }, 'defaults.connections.streams must be an integer from 1 to 1000, not 0'],
  ['warm', { warm: 0 }, 'defaults.connections.warm must be an integer from 1 to 1000, not 0'],
])('%s out of its bounds is refused', (_option, connections, message) => {
  expect(() => meshOver([], { connections })).toThrow(message);
});
