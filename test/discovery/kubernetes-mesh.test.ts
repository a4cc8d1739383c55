import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { consulRegistry } from '../../src/discovery/consul/entry.ts';
import { kubernetesRegistry } from '../../src/discovery/kubernetes/entry.ts';
import { createMesh } from '../../src/mesh.ts';
import { listen } from '../server/support.ts';
import { ConsulServer } from '../support/consul-server.ts';
import { KubernetesServer, sliceOf } from '../support/kubernetes-server.ts';
import { eventually } from './setup.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A service on a port of this machine. */
async function serve(text: string) {
  const server = createServer((_, res) => res.end(text));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(async () => server.close());
  const { port } = server.address() as AddressInfo; // a server of TCP has one
  return { server, port };
}

test('a mesh calls the pods that Kubernetes lists, also when its API server is gone', async () => {
  const kubernetes = new KubernetesServer();
  await kubernetes.start();
  cleanups.push(() => kubernetes.stop());
  const { port } = await serve('from a pod');
  const ports = [{ name: 'http', port }];
  kubernetes.put(sliceOf('a', [{ address: '127.0.0.1', pod: 'players-1' }], { ports }));
  const registry = kubernetesRegistry({ server: kubernetes.url, namespace: 'default' });
  const mesh = createMesh({ self: { service: 'teams' }, registry, logger: false });
  cleanups.push(() => mesh.close());
  const players = mesh.client('players');
  expect(await players.get('/').text()).toBe('from a pod');
  await kubernetes.stop();
  for (let n = 0; n < 20; n++) expect(await players.get('/').text()).toBe('from a pod');
  expect(mesh.explain('players').endpoints.map(({ id }) => id)).toEqual(['players-1.uid-of-players-1']);
});

test('F55: a server of the mesh in another namespace is called, and knows itself meant; also by what was kept on disk', async () => {
  const kubernetes = new KubernetesServer();
  await kubernetes.start();
  cleanups.push(() => kubernetes.stop());
  const owner = createMesh({ self: { service: 'players' }, registry: { players: [] }, logger: false });
  cleanups.push(() => owner.close());
  const server = createServer(owner.inbound.listener((_, res) => res.end('from prod')));
  const port = await listen(server);
  cleanups.push(async () => server.close());
  const ports = [{ name: 'http', port }];
  kubernetes.put(sliceOf('a', [{ address: '127.0.0.1', pod: 'players-1' }], { namespace: 'prod', ports }));
  const cacheDir = await mkdtemp(join(tmpdir(), 'heddle-kubernetes-'));
  cleanups.push(() => rm(cacheDir, { recursive: true }));
  const call = async () => {
    const registry = kubernetesRegistry({ server: kubernetes.url, namespace: 'default' });
    const mesh = createMesh({ self: { service: 'teams' }, registry, cacheDir, logger: false });
    const answer = await mesh.client('players.prod').get('/').text();
    await mesh.close();
    return answer;
  };
  expect(await call()).toBe('from prod');
  await kubernetes.stop();
  expect(await call()).toBe('from prod');
});

test('a mesh that registers with Consul is called by another, and leaves when it is told to', async () => {
  const consul = new ConsulServer();
  await consul.start();
  cleanups.push(() => consul.stop());
  const registry = consulRegistry({ url: consul.url, register: true });
  const { server } = await serve('from an instance');
  const owner = createMesh({ self: { service: 'players' }, registry, logger: false });
  cleanups.push(() => owner.close());
  await owner.register({ server, host: '127.0.0.1' });
  await eventually(() => consul.services.size === 1);
  const mesh = createMesh({ self: { service: 'teams' }, registry: `consul://${consul.host}`, logger: false });
  cleanups.push(() => mesh.close());
  expect(await mesh.client('players').get('/').text()).toBe('from an instance');
  await owner.close();
  expect(consul.services.size).toBe(0);
  await eventually(() => mesh.explain('players').endpoints.length === 0);
});
