import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { createMemoryRegistry } from '../../src/discovery/memory.ts';
import { openRegistry } from '../../src/discovery/open-registry.ts';
import type { Registry } from '../../src/discovery/registry.ts';
import { createScope } from './setup.ts';

async function nameOf(value: unknown): Promise<string> {
  const registry: Registry = openRegistry('registry', value)(createScope());
  await registry.close();
  return registry.name;
}

test('a registry is told from its form', async () => {
  expect(await nameOf({ players: ['http://10.0.0.1:8080'] })).toBe('static');
  expect(await nameOf({})).toBe('static');
  expect(await nameOf('file:.heddle')).toBe(`file:${resolve('.heddle')}`);
  expect(await nameOf(`file://${join(tmpdir(), 'a b').replace(' ', '%20')}`)).toBe(`file:${join(tmpdir(), 'a b')}`);
  expect(await nameOf(createMemoryRegistry().registry)).toBe('memory');
  expect(await nameOf('redis://127.0.0.1:1/2')).toBe('redis://127.0.0.1:1/2');
  expect(await nameOf('rediss://127.0.0.1:1')).toBe('rediss://127.0.0.1:1');
  expect(await nameOf('dns:prod.svc.cluster.local?port=8080')).toBe('dns:prod.svc.cluster.local');
  expect(await nameOf('kubernetes:')).toBe('kubernetes');
  expect(await nameOf('kubernetes:prod?port=http')).toBe('kubernetes:prod');
  expect(await nameOf('kubernetes:prod?port=8080')).toBe('kubernetes:prod');
  expect(await nameOf('consul:')).toBe('consul://127.0.0.1:8500');
  expect(await nameOf('consul://10.0.0.1?dc=eu-1')).toBe('consul://10.0.0.1:8500');
  expect(await nameOf('consul://10.0.0.1:8501')).toBe('consul://10.0.0.1:8501');
  const own = createMemoryRegistry().registry(createScope());
  expect(openRegistry('registry', own)(createScope())).toBe(own);
});

test('F114: user and password of a URL are neither in the name nor in an error', async () => {
  expect(await nameOf('redis://user:p%2Fss@w0rd@127.0.0.1:1?x=secret')).toBe('redis://127.0.0.1:1');
  expect(() => openRegistry('registry', 'redsi://user:secret@host')).toThrow(/^(?!.*secret).*'redsi:\/\/host'$/);
  expect(() => openRegistry('registry', 'redis://user:secret@[')).toThrow(/^(?!.*secret)/);
});

test('a namespace, a port or a datacenter that cannot be one is named as it stands in the URL', () => {
  expect(() => openRegistry('registry', 'kubernetes:Prod')).toThrow(
    'registry.namespace must be the name of a namespace',
  );
  expect(() => openRegistry('registry', 'kubernetes:?port=0')).toThrow(
    'registry.port must be an integer from 1 to 65535, not 0',
  );
  expect(() => openRegistry('registry', 'consul://10.0.0.1?dc=a%20b')).toThrow('registry.datacenter must be');
  expect(() => openRegistry('registry', 'consul://me:secret@10.0.0.1')).toThrow(/^(?!.*secret)registry must be/);
});

test.each([
  undefined,
  null,
  7,
  '',
  'file:',
  'kubernetes',
  'kubernetes:a/b',
  'kubernetes:?x=1',
  'consul',
  'consul://',
  'consul:/x',
  'dns:',
  'dns://10.0.0.1/players',
  'http://10.0.0.1',
  [],
  new Date(),
  true,
])('%j is none', (value) => {
  expect(() => openRegistry('registry', value)).toThrow(
    "registry must be 'redis://…', 'rediss://…', 'file:DIR', 'dns:DOMAIN', 'kubernetes:…', 'consul:…', lists of addresses by service, a registry, or several in an array, not ",
  );
});
