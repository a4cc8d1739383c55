import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openRegistry } from '../src/discovery/open-registry.ts';
import { createMesh, type Mesh } from '../src/index.ts';
import { createScope } from './discovery/setup.ts';
import { listen } from './server/support.ts';
import { ConsulServer } from './support/consul-server.ts';
import { addressRecords, startDns } from './support/dns-server.ts';
import { DocCode } from './support/doc-code.ts';
import { KubernetesServer, sliceOf } from './support/kubernetes-server.ts';
import { quotedIn, readDocument } from './support/markdown.ts';

const document = readDocument('docs/registries.md');
const code = new DocCode('docs/registries.md', 'test/.registries');
const server = createServer((req, res) => res.end(JSON.stringify({ path: req.url })));
const cleanups: (() => Promise<unknown>)[] = [];
let port = 0;

beforeAll(async () => {
  port = await listen(server);
});
afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
  server.closeAllConnections();
  server.close();
  await code.close();
});

/** Runs a block, and calls `players` through the mesh that it makes. */
async function calls(title: string, replaced: Readonly<Record<string, string>>): Promise<Mesh> {
  const { mesh } = await code.run<{ mesh: Mesh }>(title, 'mesh', replaced);
  cleanups.push(() => mesh.close());
  expect(await mesh.client('players').get('/teams/42').json<object>()).toEqual({ path: '/teams/42' });
  return mesh;
}

/** Announces the server as one of the service of `mesh`. */
async function announce(mesh: Mesh): Promise<void> {
  cleanups.push(() => mesh.close());
  const registration = await mesh.register({ host: '127.0.0.1', port });
  await expect.poll(() => registration.state).toBe('announced');
}

test('lists in code', async () => {
  await calls('lists in code', { '3000': String(port), "'http://127.0.0.1:3001'": `'http://localhost:${port}'` });
});

test('a folder', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'heddle-registries-'));
  cleanups.push(() => rm(folder, { recursive: true }));
  await announce(createMesh({ self: { service: 'players' }, registry: `file:${folder}`, logger: false }));
  await calls('a folder', { '.heddle': folder });
});

test('Kubernetes, with no more than the Role allows', async () => {
  const kubernetes = new KubernetesServer();
  await kubernetes.start();
  cleanups.push(() => kubernetes.stop());
  const ports = [{ name: 'http', port }];
  kubernetes.put(sliceOf('a', [{ address: '127.0.0.1', pod: 'players-1' }], { namespace: 'prod', ports }));
  const mesh = await calls("Kubernetes; inside of a pod 'kubernetes:' is enough", {
    "namespace: 'prod'": `server: '${kubernetes.url}', namespace: 'prod'`,
  });
  expect(mesh.explain('players').endpoints.map(({ id }) => id)).toEqual(['players-1.uid-of-players-1']);

  const [, role = ''] = /```yaml\n([\s\S]*?)\n---/.exec(document.text) ?? [];
  const listed = (name: string) => /\[(.*)\]/.exec(role.split(`${name}: `)[1] ?? '')?.[1]?.split(', ');
  await expect.poll(() => kubernetes.watching).toBe(1);
  const used = new Set(kubernetes.asked.map(({ query }) => (query.has('watch') ? 'watch' : 'list')));
  expect(listed('verbs')?.toSorted()).toEqual([...used].toSorted());
  for (const { path } of kubernetes.asked)
    expect(path).toBe(`/apis/${listed('apiGroups')}/v1/namespaces/prod/${listed('resources')}`);
});

test('Consul, by the requests that its rules are for', async () => {
  const consul = new ConsulServer();
  await consul.start();
  cleanups.push(() => consul.stop());
  consul.put({ ID: 'p1', Name: 'players', Address: '127.0.0.1', Port: port });
  const mesh = await calls("Consul; when the agent is on this machine and nothing is registered, 'consul:' is enough", {
    'http://127.0.0.1:8500': consul.url,
  });
  await announce(mesh);
  await mesh.close();
  const asked = new Set(consul.asked.map(({ method, path }) => `${method} ${path.replaceAll(/teams-[^/]*$/g, 'ID')}`));
  expect([...asked].toSorted()).toEqual([
    'GET /v1/agent/service/ID',
    'GET /v1/health/service/players',
    'PUT /v1/agent/check/fail/service:ID',
    'PUT /v1/agent/service/deregister/ID',
    'PUT /v1/agent/service/register',
  ]);
});

test('DNS', async () => {
  const dns = await startDns();
  cleanups.push(() => dns.close());
  const domain = 'prod.svc.cluster.local';
  dns.set(`players.${domain}`, addressRecords(`players.${domain}`, ['127.0.0.1']));
  await calls("DNS; the same as 'dns:prod.svc.cluster.local?port=3000'", {
    [`{ domain: '${domain}'`]: `{ servers: ['${dns.address}'], domain: '${domain}'`,
    '3000': String(port),
  });
});

test('one of your own', async () => {
  await calls('a registry of your own', { '3000': String(port) });
});

test('each URL that the document names opens the registry that it says', async () => {
  const urls = quotedIn(document.text)
    .map((quoted) => quoted.replaceAll("'", ''))
    .filter((quoted) => /^(file|dns|kubernetes|consul):./.test(quoted) || /^(kubernetes|consul):$/.test(quoted));
  expect(urls.length).toBeGreaterThan(10);
  for (const url of urls) {
    const registry = openRegistry('registry', url)(createScope());
    expect(registry.name).toContain(url.split(/[:?]/)[0]);
    await registry.close();
  }
});
