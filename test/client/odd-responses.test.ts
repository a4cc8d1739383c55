import got from 'got';
import { afterEach, expect, test } from 'vitest';
import { isMeshError, type Mesh, meshOf } from '../../src/index.ts';
import { type Answer, echo, serve } from '../support/servers.ts';
import { until } from './contract.ts';
import { closeAll, counted, meshOver, rejection } from './setup.ts';

afterEach(closeAll);

interface Sent {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

/** Each way to call: gives the status and the body. */
type Ask = (mesh: Mesh, sent?: Sent) => Promise<string>;

const native: Ask = async (mesh, { method = 'GET', ...options } = {}) => {
  const response = await mesh.client('players').request(method, '/', options);
  return `${response.status} ${response.body.toString()}`;
};
const streamed: Ask = async (mesh, { method = 'GET', ...options } = {}) => {
  const { status, body } = await mesh.client('players').stream(method, '/', options);
  let text = '';
  for await (const chunk of body) text += chunk;
  return `${status} ${text}`;
};
const fetched: Ask = async (mesh, sent = {}) => {
  const response = await mesh.wrap(globalThis.fetch)('http://players/', sent);
  return `${response.status} ${await response.text()}`;
};
const gotten: Ask = async (mesh, sent = {}) => {
  const options = { ...sent, throwHttpErrors: false, retry: { limit: 0 } };
  const response = await mesh.wrap(got)('http://players/', options as object); // any method, as plain JavaScript might say
  return `${response.statusCode} ${response.body}`;
};

const CLIENTS = { native, streamed, fetched, gotten };
type Name = keyof typeof CLIENTS;
const NAMES = Object.keys(CLIENTS) as Name[]; // of the object above

async function setup(...answers: [Answer, ...Answer[]]) {
  const server = await serve(...answers);
  return { server, mesh: meshOver([server], { deadlineMs: 2_000 }) };
}

const early: Answer = (_req, res) => {
  res.writeEarlyHints({ link: '</a.css>; rel=preload' });
  res.writeProcessing();
  res.end('the answer');
};

test.each(NAMES)('F77: what comes before the answer (102, 103) is passed over: %s', async (name) => {
  const { mesh } = await setup(early);
  for (let i = 0; i < 2; i++) expect(await CLIENTS[name](mesh)).toBe('200 the answer');
  expect(counted(mesh, 'attempts')).toBe(2);
});

const EXPECTING = { method: 'POST', headers: { expect: '100-continue' }, body: 'x'.repeat(100) };

test.each([
  ['native', 'MESH_CONFIG', "the call to 'players' cannot be sent: expect header not supported"],
  ['streamed', 'MESH_CONFIG', "the call to 'players' cannot be sent: expect header not supported"],
  ['fetched', undefined, 'fetch failed'],
] as const)('F77: a request that waits for a 100 is not sent, and says why: %s', async (name, code, message) => {
  const { mesh, server } = await setup(echo);
  const error = await rejection(CLIENTS[name](mesh, EXPECTING));
  expect(error).toMatchObject({ message });
  expect(isMeshError(error) ? error.code : undefined).toBe(code);
  expect(server.requests.length).toBe(0);
  expect(mesh.explain('players').endpoints[0]?.health).toBe('up');
});

test('F77: a request that waits for a 100 is sent with its body by got', async () => {
  const { mesh, server } = await setup(echo);
  expect(await gotten(mesh, EXPECTING)).toMatch(/^200 /);
  expect(server.requests[0]?.body().length).toBe(100);
});

const switched: Answer = (req) => {
  req.socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n');
};

test.each(NAMES)('F78: a server that switches to another protocol unasked broke the connection: %s', async (name) => {
  const { mesh, server } = await setup(switched);
  const error = await rejection(CLIENTS[name](mesh, { method: 'POST', body: 'x' }));
  expect(meshOf(error)?.attempts.map((one) => one.error)).toEqual([
    expect.stringMatching(/^the connection to 'players' \(.*\) failed: (bad upgrade|it switched to another protocol)/),
  ]);
  await until(() => server.open() === 0);
});

test.each(
  NAMES.flatMap((name) => [
    [name, 'an upgrade', { headers: { connection: 'upgrade', upgrade: 'websocket' } }] as const,
    [name, 'CONNECT', { method: 'CONNECT' }] as const,
  ]),
)('F78: %s refuses %s before anything is sent, and blames nobody', async (name, _, sent) => {
  const { mesh, server } = await setup(switched);
  const error = await rejection(CLIENTS[name](mesh, sent));
  // fetch has an error of its own for it.
  expect(String(error)).toMatch(name === 'fetched' ? /TypeError/ : /the call to 'players' cannot be sent/);
  expect(server.requests.length).toBe(0);
  expect(mesh.explain('players').endpoints[0]?.health).toBe('up');
});
