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
  const own = createMemoryRegistry().registry(createScope());
  expect(openRegistry('registry', own)(createScope())).toBe(own);
});

test('F114: user and password of a URL are neither in the name nor in an error', async () => {
  expect(await nameOf('redis://user:p%2Fss@w0rd@127.0.0.1:1?x=secret')).toBe('redis://127.0.0.1:1');
  expect(() => openRegistry('registry', 'redsi://user:secret@host')).toThrow(/^(?!.*secret).*'redsi:\/\/host'$/);
  expect(() => openRegistry('registry', 'redis://user:secret@[')).toThrow(/^(?!.*secret)/);
});

test.each([undefined, null, 7, '', 'file:', 'dns:', 'dns://10.0.0.1/players', 'http://10.0.0.1', [], new Date(), true])(
  '%j is none',
  (value) => {
    expect(() => openRegistry('registry', value)).toThrow(
      "registry must be 'redis://…', 'rediss://…', 'file:DIR', 'dns:DOMAIN', lists of addresses by service, or a registry, not ",
    );
  },
);
