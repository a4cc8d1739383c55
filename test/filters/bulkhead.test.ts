import { expect, test } from 'vitest';
import { assembler } from '../../src/client/assemble.ts';
import { startCall } from '../../src/client/start-call.ts';
import type { BulkheadOptions } from '../../src/filters/bulkhead-options.ts';
import { harness, outcome, settled } from '../support/harness.ts';

const service = 'players';
const of = (tenant: string) => ({ headers: { 'x-tenant': tenant } });

function setup(bulkhead: BulkheadOptions = { by: { header: 'X-Tenant' }, max: 2 }) {
  const made = harness({ bulkhead, retry: false });
  const refused = () => made.metrics.value('calls_refused', { service, reason: 'bulkhead' });
  return { ...made, refused };
}

test('calls for one beyond the limit are refused before they are sent, those for others are not', async () => {
  const { call, peer, refused } = setup();
  const running = [call(of('red')), call(of('red')), call(of('blue'))];
  await expect(call(of('red'))).rejects.toMatchObject({
    code: 'MESH_REFUSED',
    reason: 'bulkhead',
    resend: 'never',
    attempts: 0,
    message: "'players' already has 2 calls running for 'red' from this process",
  });
  expect([peer.waiting, refused()]).toEqual([3, 1]);
  while (peer.waiting > 0) peer.next().reply({ status: 200 });
  await Promise.all(running);
});

test('a call has its place until its body has ended, however it ends, and no key is kept after that', async () => {
  const { call, peer, target } = setup({ by: { header: 'x-tenant' }, max: 1 });
  const streaming = call(of('red'));
  const arrival = peer.next();
  arrival.replyHead({ status: 200 });
  await streaming;
  await expect(call(of('red'))).rejects.toMatchObject({ reason: 'bulkhead' });
  arrival.ctx.end();

  const failing = call(of('red'));
  peer.next().fail(new Error('no'));
  await expect(failing).rejects.toThrow('no');

  const controller = new AbortController();
  const leaving = call(of('red'), { signal: controller.signal });
  controller.abort();
  expect(await outcome(leaving)).toMatchObject({ error: { code: 'MESH_CANCELLED' } });

  expect(target.runningByKey.size).toBe(0);
  const again = call(of('red'));
  await settled();
  expect(peer.waiting).toBe(2);
  peer.next();
  peer.next().reply({ status: 200 });
  expect(await again).toEqual({ status: 200 });
});

test('a call that ends makes room for one, and no more', async () => {
  const { call, peer } = setup();
  const running = [call(of('red')), call(of('red'))];
  for (let i = 0; i < 3; i++) {
    peer.next().reply({ status: 200 });
    await running.shift();
    running.push(call(of('red')));
    await expect(call(of('red'))).rejects.toMatchObject({ reason: 'bulkhead' });
    expect(peer.waiting).toBe(2);
  }
  while (peer.waiting > 0) peer.next().reply({ status: 200 });
  await Promise.all(running);
});

test('F88: as many keys are kept as have calls under way', async () => {
  const { call, peer, target } = setup();
  for (let i = 0; i < 10_000; i++) {
    const reply = call(of(`tenant-${i}`));
    peer.next().reply({ status: 200 });
    await reply;
  }
  expect(target.runningByKey.size).toBe(0);
});

test('a call for nobody is not limited', async () => {
  const { call, peer, seen } = setup();
  const running = Array.from({ length: 10 }, () => call());
  expect([peer.waiting, seen]).toEqual([10, []]);
  while (peer.waiting > 0) peer.next().reply({ status: 200 });
  await Promise.all(running);
});

test('F83: a function says whom a call is for; one that throws is told, and its call goes on', async () => {
  const { call, peer, seen, metrics } = setup({
    max: 1,
    by: ({ operation, header }) => {
      if (operation === 'DELETE') throw new Error('who?');
      return header('x-tenant')?.split('-')[0];
    },
  });
  const running = [call(of('red-1')), call({ method: 'DELETE' }), call({ method: 'DELETE' })];
  await expect(call(of('red-2'))).rejects.toMatchObject({ reason: 'bulkhead' });
  expect(peer.waiting).toBe(3);
  expect(seen.filter(({ name }) => name === 'fault')).toHaveLength(1); // one a second
  expect(metrics.value('filter_faults', { service: 'players', filter: 'bulkhead', fault: 'hook' })).toBe(2);
  while (peer.waiting > 0) peer.next().reply({ status: 200 });
  await Promise.all(running);
});

test('a long key is cut in the message', async () => {
  const { call, peer } = setup({ by: { header: 'x-tenant' }, max: 1 });
  const running = call(of('x'.repeat(1_000)));
  await expect(call(of('x'.repeat(1_000)))).rejects.toThrow(`for '${'x'.repeat(80)}…' from`);
  peer.next().reply({ status: 200 });
  await running;
});

test('clients of one service share its places', async () => {
  const { targets, parts, peer, call } = setup({ by: { header: 'x-tenant' }, max: 1 });
  const target = targets.of(service);
  const second = assembler(() => peer.binding, parts)(target);
  const running = call(of('red'));
  const req = of('red');
  await expect(second(req, startCall(parts, target, peer.binding, req))).rejects.toMatchObject({ reason: 'bulkhead' });
  peer.next().reply({ status: 200 });
  await running;
});

test.each<[BulkheadOptions, string]>([
  [{ by: { header: '' } }, "bulkhead.by.header must be a string that is not empty, not ''"],
  [{ by: { header: 'a' }, max: 0 }, 'bulkhead.max must be an integer from 1 to 1000000, not 0'],
])('%o is refused', (bulkhead, message) => {
  expect(() => setup(bulkhead)).toThrow(message);
});
