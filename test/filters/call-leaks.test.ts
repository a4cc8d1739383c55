import { getEventListeners } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { isMeshError, TransportError } from '../../src/core/errors.ts';
import { harness } from '../support/harness.ts';

const CALLS = process.env['HEDDLE_LONG'] === '1' ? 1_000_000 : 50_000;
const MEGABYTE = 1024 * 1024;

/** As `expect` does it, which keeps what it was given until its test is over. */
async function fails(reply: Promise<unknown>, code: string): Promise<void> {
  const error: unknown = await reply.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!isMeshError(error) || error.code !== code) throw new Error(`it did not fail with ${code}`, { cause: error });
}

test(`F71: ${CALLS} calls, of which one in a hundred each is aborted, takes too long and fails, leave nothing`, async () => {
  setFlagsFromString('--expose-gc');
  const gc: () => void = runInNewContext('gc');
  const { call, clock, peer, target } = harness({ attemptTimeoutMs: 100, retry: { baseMs: 1, maxMs: 1 } });
  // One signal for all calls, as a process has one that aborts when it stops.
  const { signal } = new AbortController();
  const idle = clock.pending;
  let left = 0;
  const heap = async () => {
    await new Promise((resolve) => setImmediate(resolve));
    gc();
    return process.memoryUsage().heapUsed;
  };
  const fates: Record<number, () => Promise<void>> = {
    1: async () => {
      const own = new AbortController();
      const reply = call({}, { signal: own.signal });
      peer.next();
      own.abort();
      await fails(reply, 'MESH_CANCELLED');
      left += getEventListeners(own.signal, 'abort').length;
    },
    2: async () => {
      const reply = call({ method: 'POST' }, { signal });
      peer.next();
      await clock.advance(100);
      await fails(reply, 'MESH_ATTEMPT_TIMEOUT');
    },
    3: async () => {
      const reply = call({}, { signal });
      const { ctx, fail } = peer.next();
      fail(new TransportError('players', ctx.endpoint?.id, new Error('reset')));
      await clock.advance(1);
      peer.next().reply({ status: 200 });
      await reply;
    },
  };
  const some = async (calls: number) => {
    for (let i = 0; i < calls; i++) {
      const fate = fates[i % 100];
      if (fate !== undefined) {
        await fate();
        continue;
      }
      const reply = call({}, { signal });
      const { ctx, reply: answer } = peer.next();
      // A client library that takes a signal is given that of the attempt.
      if (ctx.signal.aborted) throw new Error('an attempt was given up');
      answer({ status: 200 });
      await reply;
    }
  };
  await some(CALLS / 5);
  const before = await heap();
  await some((CALLS * 4) / 5);
  const grown = (await heap()) - before;
  expect(grown).toBeLessThan(2 * MEGABYTE);
  left += getEventListeners(signal, 'abort').length;
  expect(left).toBe(0);
  expect(clock.pending).toBe(idle);
  expect(target.nodes.nodes.every(({ running }) => running === 0)).toBe(true);
}, 600_000);
