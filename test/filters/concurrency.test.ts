import { expect, test } from 'vitest';
import { harness } from '../support/harness.ts';

test('a call above the limit is refused before it is sent, and a place that is free again is used', async () => {
  const { call, peer, metrics } = harness({ concurrency: 2 });
  const running = [call(), call()];
  await expect(call()).rejects.toMatchObject({
    code: 'MESH_REFUSED',
    resend: 'never',
    attempts: 0,
    message: "'players' already has 2 calls running from this process",
  });
  expect(metrics.value('calls_refused', { service: 'players', reason: 'concurrency' })).toBe(1);
  peer.next().reply({ status: 200 });
  await running[0];
  const next = call();
  expect(peer.waiting).toBe(2);
  peer.next().fail(new Error('no'));
  peer.next().reply({ status: 200 });
  await expect(running[1]).rejects.toThrow('no');
  await next;
  const again = [call(), call()];
  expect(peer.waiting).toBe(2);
  peer.next().reply({ status: 200 });
  peer.next().reply({ status: 200 });
  await Promise.all(again);
});

test('a retry does not queue behind itself', async () => {
  const { call, clock, peer } = harness({ concurrency: 1 });
  const reply = call();
  peer.next().reply({ status: 503 });
  await clock.advance(25);
  peer.next().reply({ status: 200 });
  expect(await reply).toEqual({ status: 200 });
});
