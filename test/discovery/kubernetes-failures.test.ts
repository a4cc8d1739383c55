import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { createKubernetesRegistry } from '../../src/discovery/kubernetes/kubernetes-registry.ts';
import { resolveKubernetesOptions } from '../../src/discovery/kubernetes/options.ts';
import { selfSigned } from '../support/certificates.ts';
import { KubernetesServer, sliceOf } from '../support/kubernetes-server.ts';
import { afterwards, ids, pod, setup } from './kubernetes-setup.ts';
import { eventually } from './setup.ts';

test('F13: 403 takes a person: it is said once, a gauge is up, all are served, and it heals when somebody has mended it', async () => {
  const { server, clock, scope, gauge, moving, follow } = await setup();
  server.put(sliceOf('a', [pod(1)]));
  const watch = await follow();
  expect([gauge('registry_connected'), gauge('registry_blocked')]).toEqual([1, 0]);
  server.refuse(403, {}, 'endpointslices.discovery.k8s.io is forbidden:\n User "me" cannot watch');
  server.sticky = true;
  server.breakWatches();
  await moving(50, () => watch.view.state === 'stale');
  const { length } = server.asked;
  await clock.advance(10_000);
  expect(server.asked.length).toBe(length);
  await moving(5_000, () => server.asked.length > length + 3);
  const reason = 'it answered 403: endpointslices.discovery.k8s.io is forbidden:  User "me" cannot watch';
  expect(watch.view).toMatchObject({ state: 'stale', reason });
  expect(ids(watch)).toBe('p1.uid-of-p1');
  expect([gauge('registry_connected'), gauge('registry_blocked')]).toEqual([0, 1]);
  expect(scope.seen('registry').slice(1)).toEqual([
    { registry: 'kubernetes:default', state: 'lost', reason, permanent: true },
  ]);
  server.sticky = false;
  server.refusals.length = 0;
  await moving(5_000, () => watch.view.state === 'current');
  expect([gauge('registry_connected'), gauge('registry_blocked')]).toEqual([1, 0]);
});

test('F13: a server that says when to come back is not asked before, and one that fails is asked less and less', async () => {
  const { server, clock, registry, moving } = await setup();
  server.refuse(429, { 'retry-after': '20' });
  const watch = registry.watch('players', () => {});
  await eventually(() => watch.view.state === 'stale');
  await clock.advance(19_000);
  expect(server.asked.length).toBe(1);
  server.refuse(500);
  server.sticky = true;
  await moving(500, () => server.asked.length === 2);
  const started = clock.now();
  await moving(1_000, () => server.asked.length === 10);
  // 8 waits would take some 20 s without growing, and take a minute and a half on average.
  expect(clock.now() - started).toBeGreaterThan(40_000);
});

test('F15: a token that was replaced is read again when the old one is refused, and nothing is lost', async () => {
  const tls = selfSigned();
  const folder = await mkdtemp(join(tmpdir(), 'heddle-account-'));
  afterwards(() => rm(folder, { recursive: true }));
  const write = (file: string, text: string) => writeFile(join(folder, file), text);
  await Promise.all([write('token', 'first\n'), write('ca.crt', tls.cert), write('namespace', 'prod\n')]);
  const server = new KubernetesServer(tls);
  server.token = 'first';
  server.put(sliceOf('a', [pod(1)], { namespace: 'prod' }));
  const { scope, moving, follow } = await setup(server, { namespace: undefined, serviceAccount: folder });
  const watch = await follow();
  server.token = 'second';
  server.breakWatches();
  server.put(sliceOf('a', [pod(1), pod(2)], { namespace: 'prod' }));
  await moving(10, () => server.asked.length === 3);
  await write('token', 'second\n');
  await moving(10, () => ids(watch) === 'p1.uid-of-p1 p2.uid-of-p2');
  expect(server.asked.map(({ authorization }) => authorization)).toEqual([
    'Bearer first',
    'Bearer first',
    'Bearer first',
    'Bearer second',
  ]);
  expect(scope.seen('registry').map(({ state }) => state)).toEqual(['connected']);
});

test('F15: certificates that were replaced are read again, and nothing is lost', async () => {
  const [first, second] = [selfSigned(), selfSigned()];
  const folder = await mkdtemp(join(tmpdir(), 'heddle-account-'));
  afterwards(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'ca.crt'), first.cert);
  const { server, scope, moving, follow } = await setup(new KubernetesServer(first), {
    serviceAccount: folder,
    token: 'secret',
  });
  server.put(sliceOf('a', [pod(1)]));
  const watch = await follow();
  server.certify(second);
  await writeFile(join(folder, 'ca.crt'), second.cert);
  server.breakWatches();
  server.put(sliceOf('a', [pod(1), pod(2)]));
  await moving(10, () => ids(watch) === 'p1.uid-of-p1 p2.uid-of-p2');
  expect(scope.seen('registry').map(({ state }) => state)).toEqual(['connected']);
});

test('F15: a token that is replaced time and again is read again each time, be the watches between as short as they may', async () => {
  let token = 'token-0';
  const { server, scope, moving, follow } = await setup(undefined, { token: () => token });
  server.token = token;
  await follow();
  for (const next of ['token-1', 'token-2']) {
    const { length } = server.asked;
    server.token = next;
    server.breakWatches();
    await moving(10, () => server.asked.length > length);
    token = next;
    await moving(10, () => server.watching === 1);
  }
  expect(scope.seen('registry').map(({ state }) => state)).toEqual(['connected']);
});

test('F13: a token that is refused again takes a person, and is not shown', async () => {
  const { server, scope, registry, gauge, moving } = await setup(undefined, { token: 'secret' });
  server.token = 'another';
  const watch = registry.watch('players', () => {});
  await moving(10, () => gauge('registry_blocked') === 1);
  expect(server.asked.length).toBe(2);
  expect(scope.seen('registry')).toEqual([
    { registry: 'kubernetes:default', state: 'lost', reason: 'it answered 401: Unauthorized', permanent: true },
  ]);
  expect(JSON.stringify([watch.view, scope.seen('registry'), registry.name])).not.toContain('secret');
});

test('F13: a server that cannot prove who it is gets no token, and takes a person', async () => {
  const server = new KubernetesServer(selfSigned());
  const { scope, registry, gauge } = await setup(server, { token: 'secret', ca: selfSigned().cert });
  registry.watch('players', () => {});
  await eventually(
    () => gauge('registry_blocked') === 1,
    () => scope.seen('registry'),
  );
  expect(server.asked).toEqual([]);
});

test('many services are followed, though no more than a few connect at a time; one that is given up meanwhile holds up nobody', async () => {
  const { server, registry } = await setup();
  const connecting = new Set<Socket>();
  let most = 0;
  const count = (message: unknown) => {
    const { socket } = message as { readonly socket: Socket }; // as Node documents this channel
    connecting.add(socket);
    most = Math.max(most, connecting.size);
    socket.once('connect', () => connecting.delete(socket));
  };
  subscribe('net.client.socket', count);
  afterwards(async () => unsubscribe('net.client.socket', count));
  const watches = Array.from({ length: 200 }, (_, n) => registry.watch(`s${n}`, () => {}));
  watches[7]?.close();
  await eventually(
    () => server.watching === 199,
    () => server.watching,
    15_000,
  );
  expect(watches.filter(({ view }) => view.state === 'current').length).toBe(199);
  expect(most).toBe(8);
});

test('F8: what keeps a few from connecting keeps the others from waiting for their turn; not so one that is only given up', async () => {
  const silent = createServer();
  const sockets = new Set<Socket>();
  silent.on('connection', (socket) => sockets.add(socket));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  afterwards(async () => {
    for (const socket of sockets) socket.destroy();
    silent.close();
  });
  const { port } = silent.address() as AddressInfo; // a server of TCP has one
  const server = `https://127.0.0.1:${port}`;
  const { registry, clock } = await setup(undefined, { server, token: 'secret', ca: selfSigned().cert });
  const watches = Array.from({ length: 20 }, (_, n) => registry.watch(`s${n}`, () => {}));
  await eventually(() => sockets.size === 8);
  await clock.advance(6_000);
  for (const watch of watches.splice(0, 8)) watch.close();
  await eventually(() => sockets.size === 16);
  await clock.advance(6_000);
  // Some have waited for longer than an answer may take: that is not the server's fault.
  expect(watches.map(({ view }) => view.state)).toEqual(watches.map(() => 'pending'));
  await clock.advance(4_000);
  await eventually(() => watches.every(({ view }) => view.state === 'stale'));
});

test('a redirect is not followed, and a refusal that goes on and on is not read to its end', async () => {
  const { server, registry, moving } = await setup();
  server.refuse(302, { location: '/elsewhere' });
  const watch = registry.watch('players', () => {});
  await eventually(() => watch.view.state === 'stale');
  expect(watch.view.reason).toBe('it answered 302: refused with 302');
  server.refusals.push((_, response) => response.writeHead(500).end('x'.repeat(5_000)));
  await moving(100, () => watch.view.reason === 'it answered 500');
  expect(new Set(server.asked.map(({ path }) => path)).size).toBe(1);
});

test('outside of a pod it says which file is missing, and takes a person', async () => {
  const { scope, registry } = await setup(undefined, { namespace: undefined, serviceAccount: '/nowhere' });
  const watch = registry.watch('players', () => {});
  await eventually(() => watch.view.state === 'stale');
  expect(watch.view.reason).toContain("'/nowhere/namespace'");
  expect(scope.seen('registry').map(({ permanent }) => permanent)).toEqual([true]);
});

test('a file of the service account that names no namespace is not believed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'heddle-account-'));
  afterwards(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'namespace'), '../secrets');
  const { server, registry } = await setup(undefined, { namespace: undefined, serviceAccount: folder });
  const watch = registry.watch('players', () => {});
  await eventually(() => watch.view.state === 'stale');
  expect(watch.view.reason).toBe("the file 'namespace' of the service account does not name one");
  expect(server.asked).toEqual([]);
});

test.each([
  ['10.96.0.1', '443', 'https://10.96.0.1/'],
  ['fd00::1', '6443', 'https://[fd00::1]:6443/'],
  ['kubernetes.default', '443', 'https://kubernetes.default/'],
  ['10.96.0.1', '', 'https://kubernetes.default.svc/'],
  ['not a host', '443', 'https://kubernetes.default.svc/'],
  ['', '443', 'https://kubernetes.default.svc/'],
])('the API server is where the cluster told the pod that it is: %j port %j is %s', (host, port, expected) => {
  vi.stubEnv('KUBERNETES_SERVICE_HOST', host);
  vi.stubEnv('KUBERNETES_SERVICE_PORT', port);
  afterwards(async () => vi.unstubAllEnvs());
  expect(resolveKubernetesOptions('registry', {}).server.href).toBe(expected);
  expect(resolveKubernetesOptions('registry', { server: 'https://mine' }).server.href).toBe('https://mine/');
});

test('over HTTP the token of the pod is not sent', async () => {
  const { server, follow } = await setup(undefined, { serviceAccount: '/nowhere' });
  await follow();
  expect(server.asked.map(({ authorization }) => authorization)).toEqual([undefined, undefined]);
});

test('F7: whoever gives the token may take for ever: it is as if the server did not answer', async () => {
  const { registry, moving } = await setup(undefined, { token: () => new Promise<string>(() => {}) });
  const watch = registry.watch('players', () => {});
  await moving(500, () => watch.view.state === 'stale');
  expect(watch.view.reason).toBe('no answer within 10000 ms');
});

test('a service that nobody follows any more does not make the registry look lost', async () => {
  const { server, registry, gauge, moving, follow } = await setup();
  await follow();
  server.refuse(500);
  const teams = registry.watch('teams', () => {});
  await moving(1, () => teams.view.state === 'stale');
  expect(gauge('registry_connected')).toBe(0);
  teams.close();
  expect(gauge('registry_connected')).toBe(1);
});

test('close ends a question for names that is on its way', async () => {
  const { server, registry } = await setup();
  server.frozen = true;
  const names = registry.services();
  await eventually(() => server.asked.length === 1);
  await registry.close();
  expect(await names).toEqual([]);
});

test('nothing is left when it is closed: no timer, no connection, no round', async () => {
  const { server, clock, scope, registry, follow } = await setup();
  server.put(sliceOf('a', [pod(1)]));
  const watch = await follow();
  const other = registry.watch('teams', () => {});
  await eventually(() => server.watching === 2);
  other.close();
  await eventually(() => server.watching === 1);
  await registry.close();
  await eventually(() => server.watching === 0);
  expect(clock.pending).toBe(0);
  const { length } = server.asked;
  await clock.advance(600_000);
  expect([server.asked.length, clock.pending, ids(watch)]).toEqual([length, 0, 'p1.uid-of-p1']);
  // What was only given up is no failure.
  expect(scope.seen('registry').map(({ state }) => state)).toEqual(['connected']);
});

test.each([
  [{ namespace: 'Prod' }, "namespace must be the name of a namespace (1 to 63 of a-z, 0-9, '-'), not 'Prod'"],
  [{ port: 65_536 }, 'port must be an integer from 1 to 65535, not 65536'],
  [{ port: '' }, "port must be a string that is not empty, not ''"],
  [{ server: 'ftp://x' }, "server must be a URL such as 'https://kubernetes.default.svc', not 'ftp://x'"],
  [{ server: 'https://me:secret@x' }, "server must be a URL such as 'https://kubernetes.default.svc', not 'https://x'"],
  [{ token: 'two words' }, "token must be a token, or a function, not 'something else'"],
  [{ ca: '' }, "ca must be a string that is not empty, not ''"],
  [{ serviceAccount: '' }, "serviceAccount must be a string that is not empty, not ''"],
  [{ attributes: { zone: '' } }, "attributes.zone must be a string that is not empty, not ''"],
])('the option in %j is refused', (options, message) => {
  expect(() => createKubernetesRegistry('registry', options)).toThrow(`registry.${message}`);
});
