import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { FilterFault } from '../src/core/filter-faults.ts';
import type { CallReport, Mesh, NativeResponse } from '../src/index.ts';
import { counted } from './client/setup.ts';
import { DocCode } from './support/doc-code.ts';
import { readDocument, rowsOf } from './support/markdown.ts';
import { type Answer, closeServers, type Echo, echo, reply, serve } from './support/servers.ts';
import { membersOf } from './support/type-members.ts';

afterEach(closeServers);

test('the filter in docs/write-a-filter.md takes ten lines, and adds a header to the call', async () => {
  const server = await serve(echo);
  const code = new DocCode('docs/write-a-filter.md', 'test/.write-a-filter');
  const replaced = { 'http://127.0.0.1:3000': server.url };
  const { mesh, response } = await code.run<{ readonly mesh: Mesh; readonly response: Response }>(
    'a filter',
    'mesh, response',
    replaced,
  );
  expect(response.status).toBe(200);
  expect(server.requests[0]?.headers['x-tenant']).toBe('acme');
  expect(counted(mesh, 'tagged', { service: 'players' })).toBe(1);
  expect(mesh.explain('players').filters).toEqual([{ name: 'tenant', place: 'before fallback', of: 'wrap(fetch)' }]);
  const { text } = readDocument('docs/write-a-filter.md');
  const [, filter = ''] = /(const tenant: Filter<.*?\n};\n)/s.exec(text) ?? [];
  expect(filter.trim().split('\n').length).toBeLessThanOrEqual(10);
  await mesh.close();
  await code.close();
});

test('the observers in docs/write-a-filter.md send a response elsewhere that says it is none', async () => {
  const server = await serve(reply(200, 'closed', { 'x-maintenance': 'yes' }), echo);
  const code = new DocCode('docs/write-a-filter.md', 'test/.write-observers');
  const { mesh, answer } = await code.run<{ readonly mesh: Mesh; readonly answer: NativeResponse }>(
    'observers',
    'mesh, answer',
    { 'http://127.0.0.1:3000': server.url },
  );
  expect(answer.json<{ readonly url: string }>().url).toBe('/teams/42');
  expect(server.requests).toHaveLength(2);
  await mesh.close();
  await code.close();
});

test('docs/write-a-filter.md tells of each fault', () => {
  const faults: Readonly<Record<FilterFault, true>> = {
    built: true,
    hook: true,
    threw: true,
    rejected: true,
    next: true,
  };
  const rows = rowsOf(readDocument('docs/write-a-filter.md'), 'fault');
  expect(rows.map(({ fault = '' }) => fault.replaceAll('`', '')).toSorted()).toEqual(Object.keys(faults).toSorted());
});

test('the client in docs/any-client.md asks servers that speak lines of text, the next when one is not there', async () => {
  const asked: string[] = [];
  const server = createServer((socket) => {
    socket.on('data', (line) => {
      asked.push(String(line));
      socket.write('1200\n');
    });
  });
  server.listen(0, '127.0.0.1');
  const gone = createServer().listen(0, '127.0.0.1');
  await Promise.all([once(server, 'listening'), once(gone, 'listening')]);
  const port = (one: typeof server) => (one.address() as AddressInfo).port; // it listens on a port
  const ports = { '7001': String(port(server)), '7002': String(port(gone)) };
  gone.close();
  await once(gone, 'close');
  const code = new DocCode('docs/any-client.md', 'test/.any-client');
  const { mesh, ask, balance } = await code.run<{
    readonly mesh: Mesh;
    readonly ask: (line: string) => Promise<string>;
    readonly balance: string;
  }>('a service that speaks lines of text', 'mesh, ask, balance', ports);
  expect(balance).toBe('1200');
  for (let i = 0; i < 10; i++) expect(await ask('set 42')).toBe('1200'); // nothing is sent where nobody listens
  expect(asked).toHaveLength(11);
  expect(counted(mesh, 'calls', { service: 'ledger', outcome: 'success' })).toBe(11);
  await mesh.close();
  server.close();
  await code.close();
});

test('the fallback in docs/any-client.md answers', async () => {
  const code = new DocCode('docs/any-client.md', 'test/.any-fallback');
  const { mesh, none, why, movements } = await code.run<{
    readonly mesh: Mesh;
    readonly none: unknown;
    readonly why: CallReport['fallback'];
    readonly movements: (account: string) => Promise<string[]>;
  }>('a fallback', 'mesh, none, why, movements', {});
  expect(none).toEqual([]);
  expect(why?.to).toBe('answer');
  expect(why?.because).toContain("cannot connect to 'ledger'");
  await expect(movements('audit')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  await mesh.close();
  await code.close();
});

test('docs/any-client.md tells of all that a fallback is told', () => {
  const rows = rowsOf(readDocument('docs/any-client.md'), 'of `failed`');
  const told = rows.flatMap((row) => [...(row['of `failed`'] ?? '').matchAll(/`([^`]+)`/g)].map(([, name]) => name));
  expect(told).toEqual(membersOf('src/core/own-answer.ts', 'FailedSend').map(({ name }) => name));
});

test('the client of HTTP in docs/any-client.md hears what servers say: a refusal, and how busy they are', async () => {
  const busy: Answer = (req, res, seen) => echo(req, res.setHeader('mesh-load', '7;12.5'), seen);
  const refusal = reply(503, 'later', { 'mesh-nack': 'overloaded' });
  const servers = await Promise.all([serve(refusal, busy), serve(refusal, busy)]);
  const code = new DocCode('docs/any-client.md', 'test/.any-http-client');
  const { mesh, response } = await code.run<{ readonly mesh: Mesh; readonly response: Response }>(
    'a client of HTTP',
    'mesh, response',
    { 'http://127.0.0.1:7001': servers[0].url, 'http://127.0.0.1:7002': servers[1].url },
  );
  const { url, headers } = (await response.json()) as Echo; // the servers are echoes
  expect([url, headers['mesh-caller'], headers['mesh-attempt']]).toEqual(['/teams/42', 'teams', '3']);
  expect(servers.map(({ requests }) => requests.length).toSorted()).toEqual([1, 2]);
  expect(mesh.explain('players').endpoints.map(({ load }) => load.serviceMs)).toContain(12.5);
  await mesh.close();
  await code.close();
});
