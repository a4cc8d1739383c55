import { globSync, readFileSync } from 'node:fs';
import got from 'got';
import { describe, expect, test } from 'vitest';
import type { Attempt, Mesh } from '../../src/index.ts';
import { busyContract } from './contract.ts';

const send = (path: string, { endpoint: { host, port }, headers, signal }: Attempt) =>
  fetch(`http://${host}:${port}${path}`, { headers, signal });

interface Way {
  readonly how: string;
  /** The function in `src/client` that makes the binding. */
  readonly by: string;
  readonly binding: string;
  readonly open: (mesh: Mesh) => () => Promise<number>;
}

const ways: readonly Way[] = [
  {
    how: 'mesh.client',
    by: 'bufferedBinding',
    binding: 'native',
    open: (mesh) => async () => (await mesh.client('players').post('/')).status,
  },
  {
    how: 'a stream of mesh.client',
    by: 'streamedBinding',
    binding: 'native-stream',
    open: (mesh) => async () => {
      const { status, body } = await mesh.client('players').stream('POST', '/');
      body.resume();
      return status;
    },
  },
  {
    how: 'got',
    by: 'nodeHttpBinding',
    binding: 'got',
    open: (mesh) => async () => (await mesh.wrap(got).post('http://players/', { throwHttpErrors: false })).statusCode,
  },
  {
    how: 'fetch',
    by: 'fetchBinding',
    binding: 'fetch',
    open: (mesh) => async () => (await mesh.wrap(fetch)('http://players/', { method: 'POST' })).status,
  },
  {
    how: 'mesh.service',
    by: 'sendBinding',
    binding: 'service',
    open: (mesh) => async () => (await mesh.service('players', send)('/')).status,
  },
  {
    how: 'mesh.service that reads headers',
    by: 'sendBinding',
    binding: 'service',
    open: (mesh) => async () => {
      const responseHeader = (response: Response, name: string) => response.headers.get(name) ?? undefined;
      return (await mesh.service('players', send, { responseHeader })('/')).status;
    },
  },
];

describe.each(ways)('a call by $how', busyContract);

test('each binding that there is is held to it', () => {
  const made = globSync('src/client/**/*.ts').flatMap((path) =>
    [...readFileSync(path, 'utf8').matchAll(/function (\w+)[^;{}]*\): Binding</g)].map(([, name]) => name),
  );
  expect(made.toSorted()).toEqual([...new Set(ways.map(({ by }) => by))].toSorted());
});
