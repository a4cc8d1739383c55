import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { KeptSockets } from '../../src/client/node-http/kept-sockets.ts';
import { ManualClock, seededRandom } from '../../src/testing/entry.ts';

const SENDER = { retired: false };

/** Connections that all had their first response at the same moment. */
function setup(count: number, maxAgeMs: number | false) {
  const clock = new ManualClock();
  const kept = new KeptSockets({ idleMs: 4_000, maxAgeMs }, clock, seededRandom(1));
  const sockets = Array.from({ length: count }, () => new PassThrough());
  const stay = () => sockets.filter((socket) => kept.keeps(socket, undefined, SENDER)).length;
  stay();
  return { clock, stay };
}

test('connections that were made together do not end together: each draws its own age, of the last fifth of what is set', async () => {
  const { clock, stay } = setup(1_000, 600_000);
  await clock.advance(479_000);
  expect(stay()).toBe(1_000);
  for (const left of [750, 500, 250]) {
    await clock.advance(left === 750 ? 31_000 : 30_000);
    // Three standard deviations are 47.
    expect(Math.abs(stay() - left)).toBeLessThan(50);
  }
  await clock.advance(30_000);
  expect(stay()).toBe(0);
});

test('without an age a connection is kept for as long as it is used', async () => {
  const { clock, stay } = setup(10, false);
  await clock.advance(86_400_000);
  expect(stay()).toBe(10);
});
