import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { Events } from '../../src/core/events.ts';
import type { Registration } from '../../src/server/registration.ts';
import { Registrations } from '../../src/server/registrations.ts';
import { MemoryMetrics } from '../../src/telemetry/memory-metrics.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { FakeRegistry, listen, self } from './support.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

function setup() {
  const clock = new ManualClock();
  const registry = new FakeRegistry();
  const metrics = new MemoryMetrics();
  const registrations = new Registrations({
    self,
    registry,
    clock,
    metrics,
    events: new Events(),
    onDrained: () => undefined,
  });
  closing.push(() => registrations.leave());
  return { clock, registry, metrics, registrations };
}

function server<S extends net.Server>(made: S): S {
  closing.push(() => made.close());
  return made;
}

test('a process is announced as what it is, where its server listens', async () => {
  const { registry, registrations } = setup();
  const web = server(http.createServer());
  const port = await listen(web);
  const registration = await registrations.register({ server: web });
  expect(registry.announced).toEqual([
    {
      id: 'teams-1',
      service: 'teams',
      host: '127.0.0.1',
      port,
      protocol: 'http',
      attributes: { zone: 'eu-1a' },
      weight: 1,
      status: 'up',
      generation: 100,
    },
  ]);
  expect(registration.instance).toBe(registry.announced[0]);
  expect(registration.state).toBe('announced');
});

test('nothing is announced before the server listens', async () => {
  const { registry, registrations } = setup();
  const web = server(http.createServer());
  const registering = registrations.register({ server: web });
  expect(registry.said).toEqual([]);
  const port = await listen(web);
  await registering;
  expect(registry.announced[0]?.port).toBe(port);
  expect([web.listenerCount('listening'), web.listenerCount('error')]).toEqual(listenersOf(http.createServer()));
});

test('a server that cannot listen is not announced, and the reason is told', async () => {
  const { registry, registrations } = setup();
  const port = await listen(server(http.createServer()));
  const late = http.createServer();
  const registering = registrations.register({ server: late });
  late.listen(port, '127.0.0.1');
  await expect(registering).rejects.toThrow(/^the server of 'teams' cannot listen: listen EADDRINUSE/);
  await expect(registering).rejects.toMatchObject({ code: 'MESH_CONFIG', service: 'teams' });
  expect(registry.said).toEqual([]);
  expect([late.listenerCount('listening'), late.listenerCount('error')]).toEqual(listenersOf(http.createServer()));
});

test('a server that is closed before it listens is not announced', async () => {
  const { registrations } = setup();
  const web = http.createServer();
  const registering = registrations.register({ server: web });
  web.close();
  await expect(registering).rejects.toThrow("the server of 'teams' was closed before it listened");
});

test('a server serves while the registry is out of reach, and says that it is not known yet (F2)', async () => {
  const { registry, registrations, metrics } = setup();
  registry.state = 'retrying';
  const registration = await registrations.register({ port: 3000 });
  expect(registration.state).toBe('retrying');
  expect(metrics.value('registered', { port: '3000' })).toBe(0);
  registry.state = 'announced';
  expect(registration.state).toBe('announced');
  expect(metrics.value('registered', { port: '3000' })).toBe(1);
});

test('what the options say is announced, also when the server says otherwise', async () => {
  const { registry, registrations } = setup();
  const web = server(http.createServer());
  await listen(web);
  const attributes = { zone: 'eu-1b', rack: '7', note: '' };
  await registrations.register({
    server: web,
    port: 8443,
    host: 'teams.example.org',
    protocol: 'https',
    weight: 0.5,
    attributes,
  });
  expect(registry.announced[0]).toMatchObject({
    port: 8443,
    host: 'teams.example.org',
    protocol: 'https',
    weight: 0.5,
    attributes,
  });
});

test('a server with TLS is announced as https', async () => {
  const { registry, registrations } = setup();
  const web = server(https.createServer());
  await listen(web);
  await registrations.register({ server: web });
  expect(registry.announced[0]?.protocol).toBe('https');
});

test.each(['0.0.0.0', '::'])(
  'a server bound to %s is announced under an address that others can call (F57)',
  async (bound) => {
    const { registry, registrations } = setup();
    const web = server(http.createServer());
    await listen(web, bound);
    await registrations.register({ server: web });
    const host = registry.announced[0]?.host ?? '';
    expect(net.isIPv4(host) && host !== '0.0.0.0').toBe(true);
  },
);

test('a server on a pipe needs a port to announce', async () => {
  const { registrations } = setup();
  const web = server(http.createServer());
  await new Promise<void>((resolve) => web.listen(`/tmp/heddle-${process.pid}.sock`, resolve));
  await expect(registrations.register({ server: web })).rejects.toThrow(
    'register.port must be given, since the server listens on no port',
  );
});

test('a second server of one process is announced under an id of its own; the same port twice is refused', async () => {
  const { registry, registrations } = setup();
  await registrations.register({ port: 3000 });
  await registrations.register({ port: 3001 });
  expect(registry.announced.map((instance) => instance.id)).toEqual(['teams-1', 'teams-1-3001']);
  await expect(registrations.register({ port: 3000 })).rejects.toThrow(
    'register.port 3000 is already announced by this process',
  );
});

test('a process that left may come back, as a newer generation of itself', async () => {
  const { registry, registrations } = setup();
  const first = await registrations.register({ port: 3000 });
  await first.leave();
  await registrations.register({ port: 3000 });
  const [before, after] = registry.announced;
  expect(after?.id).toBe(before?.id);
  expect((after?.generation ?? 0) > (before?.generation ?? 0)).toBe(true);
});

test('an announcement ends with its server', async () => {
  const { registry, registrations } = setup();
  const web = http.createServer();
  await listen(web);
  const registration = await registrations.register({ server: web });
  web.close();
  await registration.drained;
  expect(registry.said).toEqual(['announce teams-1', 'leave teams-1']);
  expect(registrations.live).toEqual([]);
});

test('to leave is not to drain: the server stays as it is', async () => {
  const { registry, registrations, clock } = setup();
  const web = server(http.createServer());
  const before = listenersOf(web);
  await listen(web);
  const registration = await registrations.register({ server: web });
  await registrations.leave();
  await registration.drained;
  await registration.leave();
  await registration.drain();
  expect(registration.state).toBe('left');
  expect(registry.said).toEqual(['announce teams-1', 'leave teams-1']);
  expect(web.listening).toBe(true);
  expect(listenersOf(web)).toEqual(before);
  expect(clock.pending).toBe(0);
});

test('a hundred registrations leave no listener behind (F92)', async () => {
  const { registrations } = setup();
  const web = server(http.createServer());
  await listen(web);
  const counts = () => [...process.eventNames(), 'SIGTERM', 'SIGINT'].map((name) => process.listenerCount(name));
  const [signals, own] = [counts(), everyListenerOf(web)];
  for (let round = 0; round < 100; round++) {
    const registration = await registrations.register({ server: web, signals: ['SIGTERM', 'SIGINT'] });
    expect(process.listenerCount('SIGINT')).toBe(1);
    await registration.leave();
  }
  expect(counts()).toEqual(signals);
  expect(everyListenerOf(web)).toEqual(own);
});

test('without signals no signal is listened for', async () => {
  const { registrations } = setup();
  const before = process.listenerCount('SIGTERM');
  await registrations.register({ port: 3000, signals: false });
  await registrations.register({ port: 3001, signals: [] });
  expect(process.listenerCount('SIGTERM')).toBe(before);
  await registrations.register({ port: 3002, signals: true });
  expect(process.listenerCount('SIGTERM')).toBe(before + 1);
});

test.each<[unknown, string]>([
  [{}, 'register.server must be given, unless register.port is, not undefined'],
  [undefined, 'register must be an object, not undefined'],
  [{ port: 3000, prot: 1 }, "register has no option 'prot'; it knows server, port, host, "],
  [{ port: 0 }, 'register.port must be an integer from 1 to 65535, not 0'],
  [{ port: 3000, protocol: null }, 'register.protocol must be one of http, https, not null'],
  [{ port: 3000, attributes: null }, 'register.attributes must be an object, not null'],
  [{ port: 3000, signals: null }, 'register.signals must be true, false or an array of signals, not null'],
  [{ port: 3000, drain: null }, 'register.drain must be an object, not null'],
  [{ port: 3000, drain: { finishMs: null } }, 'register.drain.finishMs must be a number of millis'],
  [{ port: '3000' }, "register.port must be an integer from 1 to 65535, not '3000'"],
  [{ port: 3000.5 }, 'register.port must be an integer from 1 to 65535, not 3000.5'],
  [
    { server: () => undefined },
    'register.server must be a server of node:http, node:https or node:net, not a function',
  ],
  [{ server: {} }, 'register.server must be a server of node:http, node:https or node:net, not an object'],
  [{ port: 3000, protocol: 'ftp' }, "register.protocol must be one of http, https, not 'ftp'"],
  [{ port: 3000, weight: 0 }, 'register.weight must be a number above 0, not 0'],
  [{ port: 3000, weight: 1001 }, 'register.weight must be a number of at most 1000, not 1001'],
  [{ port: 3000, weight: Number.NaN }, 'register.weight must be a number of at most 1000, not NaN'],
  [{ port: 3000, attributes: [] }, 'register.attributes must be an object, not an array'],
  [{ port: 3000, attributes: { a: 1 } }, 'register.attributes.a must be a string, not 1'],
  [{ port: 3000, signals: 'SIGTERM' }, "register.signals must be true, false or an array of signals, not 'SIGTERM'"],
  [
    { port: 3000, signals: ['SIGFOO'] },
    "register.signals must be an array of signals such as 'SIGTERM' that a process",
  ],
  [
    { port: 3000, signals: ['SIGKILL'] },
    "register.signals must be an array of signals such as 'SIGTERM' that a process",
  ],
  [{ port: 3000, drain: 5 }, 'register.drain must be an object, not 5'],
  [{ port: 3000, drain: { notice: 5 } }, "register.drain has no option 'notice'; it knows noticeMs, finishMs"],
  [
    { port: 3000, drain: { noticeMs: -1 } },
    'register.drain.noticeMs must be a number of milliseconds from 0 to 600000',
  ],
  [{ port: 3000, drain: { finishMs: Number.POSITIVE_INFINITY } }, 'register.drain.finishMs must be a number of millis'],
])('%j is refused: %s', async (options, message) => {
  const { registry, registrations } = setup();
  const registering = registrations.register(options as object); // wrong on purpose
  await expect(registering).rejects.toThrow(message);
  await expect(registering).rejects.toMatchObject({ code: 'MESH_CONFIG' });
  expect(registry.said).toEqual([]);
});

const WILDCARD = 'register.host must be an address that others can call, which a wildcard is not';
const NOT_A_HOST = 'register.host must be a host name or an IP address';

test.each([
  ['0.0.0.0', WILDCARD],
  ['::', WILDCARD],
  ['::0', WILDCARD],
  ['0:0:0:0:0:0:0:0', WILDCARD],
  ['::ffff:0.0.0.0', WILDCARD],
  ['0', WILDCARD],
  ['0x0', WILDCARD],
  ['', NOT_A_HOST],
  ['10.0.0.1:80', NOT_A_HOST],
  ['http://a', NOT_A_HOST],
  ['user@host', NOT_A_HOST],
  ['[::1]', NOT_A_HOST],
  ['fe80::1%eth0', NOT_A_HOST],
  ['a b', NOT_A_HOST],
  ['300.300.300.300', NOT_A_HOST],
])("the host '%s' is not announced (F57)", async (host, message) => {
  const { registrations } = setup();
  await expect(registrations.register({ port: 3000, host })).rejects.toThrow(message);
});

test.each(['10.1.2.3', '2001:db8::1', '::1', 'localhost', 'teams-1.example.org', 'teams_1'])(
  "the host '%s' is announced as it is",
  async (host) => {
    const { registrations } = setup();
    const registration: Registration = await registrations.register({ port: 3000, host });
    expect(registration.instance.host).toBe(host);
  },
);

function listenersOf(of: net.Server): readonly number[] {
  return [of.listenerCount('listening'), of.listenerCount('error')];
}

function everyListenerOf(of: net.Server): readonly (readonly [unknown, number])[] {
  return of.eventNames().map((name) => [name, of.listenerCount(name)]);
}
