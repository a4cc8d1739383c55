import { expect, test } from 'vitest';
import type { SendOptions } from '../../src/index.ts';
import { outcome } from '../support/harness.ts';
import { functionSetup } from './function-setup.ts';

/** Any answer is a failure, of which five are enough. */
const FRAIL: SendOptions<string, string> = { classify: () => 'failure', breaker: { minimum: 5 }, health: false };

/** `ledger`, called by a function that has these options only. */
const setup = (options: SendOptions<string, string> = {}, defaults = {}) =>
  functionSetup<string, string>({ discard: undefined, ...options }, { defaults });
const send = () => Promise.resolve('Ann');

async function failing(call: (asked: string) => Promise<string>) {
  for (let i = 0; i < 5; i++) await outcome(call('42'));
}

test('explain tells how the breaker of a function stands that has one of its own', async () => {
  const { mesh } = setup({ operation: () => 'read' });
  const call = mesh.service('ledger', send, FRAIL);
  mesh.service('ledger', send, { breaker: false });
  await failing(call);
  const { breaker, clients } = mesh.explain('ledger');
  const closed = { state: 'closed', reason: '', forced: false };
  const open = { state: 'open', reason: expect.stringContaining('5 of 5 calls failed in 10 s'), forced: false };
  expect(breaker).toEqual(closed);
  expect(clients.map((client) => client.breaker)).toEqual([closed, open, { state: 'off', reason: '', forced: false }]);
  const words = String(mesh.explain('ledger'));
  expect(words).toContain('endpoints; breaker closed\n');
  expect(words.match(/^breaker of.*/gm)).toEqual([
    expect.stringMatching(
      /^breaker of service\('ledger'\): open \(5 of 5 calls failed in 10 s \(at least 5 count\); the next probe/,
    ),
    "breaker of service('ledger'): off",
  ]);
});

test('a breaker that the application holds is told once, by whomever it is used', async () => {
  const { mesh } = setup(FRAIL);
  mesh.breaker('ledger').open();
  const { breaker, clients } = mesh.explain('ledger');
  expect(breaker).toEqual({ state: 'open', reason: 'the application opened it', forced: true });
  expect(clients.map((client) => client.breaker)).toEqual([breaker]);
  expect(String(mesh.explain('ledger'))).not.toContain('breaker of');
});

test('a client or function with a breaker of its own is told though its settings are those of the service', () => {
  const { mesh } = setup();
  mesh.client('ledger', {});
  mesh.service('ledger', send, { hedge: undefined });
  mesh.client('ledger');
  mesh.service('ledger', send);
  const { clients } = mesh.explain('ledger');
  expect(clients.map(({ of, settings }) => [of, settings])).toEqual([
    ["client('ledger')", []],
    ["service('ledger')", []],
  ]);
  expect(String(mesh.explain('ledger'))).not.toContain("client('ledger')");
});

test('what is made again and again is told once, with the breaker that is furthest from closed', async () => {
  const { mesh } = setup(FRAIL);
  const call = mesh.service('ledger', send, FRAIL);
  mesh.service('ledger', send, FRAIL);
  await failing(call);
  const { clients } = mesh.explain('ledger');
  expect(clients.map(({ breaker }) => breaker.state)).toEqual(['open']);
  expect(String(mesh.explain('ledger')).match(/^breaker of/gm)).toHaveLength(1);
});

test('explain tells the stack of each client, and in words where it is another', () => {
  const { mesh } = setup({ fallback: { answer: () => 'nobody' } }, { cache: {}, singleFlight: {} });
  mesh.service('ledger', send, { deadlineMs: false });
  mesh.client('ledger', { hedge: {} });
  mesh.client('ledger', { concurrency: 4 });
  const { stack, clients } = mesh.explain('ledger');
  const roles = (layers: string) => layers.split('\n').map((line) => line.split(' ')[0]);
  const all = roles(stack);
  const bare = all.filter((role) => role !== 'cache' && role !== 'single-flight');
  expect(bare).toHaveLength(all.length - 2);
  expect(clients.map((client) => roles(client.stack))).toEqual([
    bare.toSpliced(2, 0, 'fallback'),
    bare,
    all.toSpliced(all.indexOf('retry') + 1, 0, 'hedge'),
    all,
  ]);
  const words = String(mesh.explain('ledger'));
  expect(words.match(/^stack.*/gm)).toEqual([
    "stack of service('ledger'):",
    "stack of service('ledger'):",
    "stack of client('ledger'):",
    'stack:',
  ]);
  expect(words).toContain(clients[2]?.stack.replaceAll('\n', '\n  '));
});
