import got from 'got';
import { afterEach, expect, test } from 'vitest';
import { meshOf, type Service } from '../../src/index.ts';
import { type Echo, echo, reply, serve } from '../support/servers.ts';
import { closeAll, counted, meshOver, rejection } from './setup.ts';

afterEach(closeAll);

/** One for any client: says which attempt it is of which service. */
const stamp =
  <Req, Res>(next: Service<Req, Res>): Service<Req, Res> =>
  (req, ctx) => {
    ctx.headers.push('x-stamp', `${ctx.target} ${ctx.attempt}`);
    return next(req, ctx);
  };

async function setup() {
  const bad = await serve(reply(503));
  const good = await serve(echo);
  return { bad, good, mesh: meshOver([bad, good]) };
}

const stampOf = (text: string) => (JSON.parse(text) as Echo).headers['x-stamp'];

test('a filter of the native client sees both of its kinds of calls, and can change where they go', async () => {
  const { bad, mesh } = await setup();
  const bindings: string[] = [];
  const players = mesh.client('players', {
    filters: (stack) =>
      stack.insertAfter('retry', 'stamp', stamp).insertBefore('retry', 'version', (next, { binding }) => {
        bindings.push(binding);
        return (req, ctx) => next({ ...req, path: `/v2${req.path}` }, ctx);
      }),
  });
  const { headers, url } = await players.get('/teams').json<Echo>();
  expect([headers['x-stamp'], url]).toEqual(['players 2', '/v2/teams']);
  expect(bad.requests[0]?.headers['x-stamp']).toBe('players 1');
  const { body } = await players.stream('GET', '/teams');
  let text = '';
  for await (const chunk of body) text += String(chunk);
  expect(stampOf(text)).toMatch(/^players [12]$/);
  expect(bindings).toEqual(['native', 'native-stream']);
});

test('a client with nothing but filters of its own shares limits and figures with the others of its service', async () => {
  const { mesh } = await setup();
  const players = mesh.client('players', { filters: (stack) => stack.insertBefore('retry', 'stamp', stamp) });
  await players.get('/');
  expect(mesh.explain('players').endpoints.some(({ meanMs }) => meanMs !== undefined)).toBe(true);
  expect(mesh.explain('players').filters).toEqual([{ name: 'stamp', place: 'before retry', of: "client('players')" }]);
});

test('a filter of a wrapped fetch sees its requests, and what it fails the call with is what fetch rejects with', async () => {
  const { bad, mesh } = await setup();
  const sealed = new Error('no purchase on Sundays');
  const fetch = mesh.wrap(globalThis.fetch, {
    filters: (stack) =>
      stack.insertAfter('retry', 'stamp', stamp).insertBefore('deadline', 'sundays', (next) => (req, ctx) => {
        if (req.method === 'POST') throw sealed;
        return next(req, ctx);
      }),
  });
  const res = await fetch('http://players/');
  expect(stampOf(await res.text())).toBe('players 2');
  expect(bad.requests[0]?.headers['x-stamp']).toBe('players 1');
  const error = await rejection(fetch('http://players/', { method: 'POST', body: 'x' }));
  expect(error).toBe(sealed);
  expect(meshOf(error)?.attempts).toEqual([]);
  expect(counted(mesh, 'filter_faults', { service: 'players', filter: 'sundays', fault: 'threw' })).toBe(1);
});

test('a filter of a wrapped got sees its requests, and what it fails the call with is the cause of the error of got', async () => {
  const { bad, mesh } = await setup();
  const sealed = new Error('no purchase on Sundays');
  const http = mesh.wrap(got, {
    filters: (stack) =>
      stack.insertAfter('retry', 'stamp', stamp).insertBefore('deadline', 'sundays', (next) => (req, ctx) => {
        if (req.method === 'POST') return Promise.reject(sealed);
        return next({ ...req, path: `/v2${req.path}` }, ctx);
      }),
  });
  const { headers, url } = await http('http://players/teams').json<Echo>();
  expect([headers['x-stamp'], url]).toEqual(['players 2', '/v2/teams']);
  expect(bad.requests[0]?.headers['x-stamp']).toBe('players 1');
  const error = await rejection(http.post('http://players/', { body: 'x' }));
  expect(error).toMatchObject({ name: 'RequestError', message: sealed.message });
  expect(meshOf(error)?.attempts).toEqual([]);
  expect(counted(mesh, 'filter_faults', { service: 'players', filter: 'sundays', fault: 'rejected' })).toBe(1);
});

test('a response that a filter fails frees its connection', async () => {
  const server = await serve(reply(200, 'a'.repeat(500_000)));
  const mesh = meshOver([server], { connections: { max: 1 } });
  const fetch = mesh.wrap(globalThis.fetch, {
    filters: (stack) =>
      stack.insertBefore('retry', 'strict', (next) => async (req, ctx) => {
        const res = await next(req, ctx);
        if (res.headers.get('x-signed') === null) throw new Error('it is not signed');
        return res;
      }),
  });
  for (let i = 0; i < 3; i++) await expect(fetch('http://players/')).rejects.toThrow('it is not signed');
  expect(mesh.explain('players').endpoints.map(({ running, health }) => [running, health])).toEqual([[0, 'up']]);
});
