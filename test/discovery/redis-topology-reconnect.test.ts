import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { keepConnected } from '../../src/discovery/redis/keep-connected.ts';
import { resolveRedisOptions } from '../../src/discovery/redis/options.ts';
import { reconnectWaits } from '../../src/discovery/redis/reconnect-waits.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { seededRandom } from '../../src/testing/seeded-random.ts';

const PROCESSES = 1_000;
const { reconnectMs } = resolveRedisOptions('registry', { url: 'redis://127.0.0.1' });

/** When each of a thousand processes is back that lost Redis at 0, if Redis is there again from `downMs` on; in milliseconds. */
function comebacks(downMs: number, seed: number): number[] {
  const random = seededRandom(seed);
  return Array.from({ length: PROCESSES }, () => {
    const waits = reconnectWaits(reconnectMs, random, () => true);
    let at = 0;
    for (let attempt = 1; ; attempt++) {
      at += waits(attempt);
      if (at >= downMs) return at;
    }
  });
}

/** The most that fall into any 100 ms. */
function peak(instants: readonly number[]): number {
  const sorted = instants.toSorted((a, b) => a - b);
  let most = 0;
  for (let last = 0, first = 0; last < sorted.length; last++) {
    while ((sorted[last] ?? 0) - (sorted[first] ?? 0) > 100) first++;
    most = Math.max(most, last - first + 1);
  }
  return most;
}

test.each([
  ['all connections were cut at once', 0],
  ['Redis was down for half a second', 500],
  ['Redis was down for ten seconds', 10_000],
  ['Redis was down for a minute', 60_000],
])('F25: of a thousand processes never more than 50 in 100 ms come back when %s', (_, downMs) => {
  for (let seed = 1; seed <= 50; seed++) {
    const back = comebacks(downMs, seed);
    expect(peak(back)).toBeLessThanOrEqual(50);
    // What that costs a process: half of the spread on average, and no more than a quarter above it.
    const waited = back.map((at) => at - downMs);
    expect(Math.max(...waited)).toBeLessThan(1.25 * reconnectMs);
    expect(waited.reduce((sum, ms) => sum + ms) / PROCESSES).toBeLessThan(0.55 * reconnectMs);
  }
});

test('a process that starts looks for Redis again within milliseconds, and at last as often as any other', () => {
  const waits = reconnectWaits(
    4_000,
    () => 0.5,
    () => false,
  );
  expect([1, 2, 3, 7, 1_000].map(waits)).toEqual([100, 200, 400, 4_000, 4_000]);
});

/** A client whose server the test plays. */
function setup() {
  const clock = new ManualClock();
  const client = Object.assign(new EventEmitter(), {
    connects: 0,
    connect: async () => {
      client.connects++;
    },
    disconnect: (_reconnect?: boolean) => {
      client.emit('end');
    },
  });
  let prepared: () => void = () => {};
  const prepare = () =>
    new Promise<void>((resolve) => {
      prepared = resolve;
    });
  keepConnected(client, { clock, waits: (attempt) => attempt * 100, prepare });
  return { clock, client, prepared: () => prepared() };
}

test('a client is connected anew after each end, later each time, and from the start again once it was ready', async () => {
  const { clock, client, prepared } = setup();
  const times: number[] = [];
  for (const ready of [false, false, true, false]) {
    client.emit('end');
    const { connects } = client;
    const from = clock.now();
    while (client.connects === connects) {
      await clock.advance(10);
      prepared();
      await clock.advance(0);
    }
    times.push(clock.now() - from);
    if (ready) client.emit('ready');
  }
  expect(times).toEqual([100, 200, 300, 100]);
  // Cut off by the mesh itself, which wants it back.
  client.disconnect(true);
  expect(clock.pending).toBe(1);
  client.disconnect();
  expect(clock.pending).toBe(0);
});

test('a client that was disconnected while it prepared is not connected any more', async () => {
  const { clock, client, prepared } = setup();
  client.emit('end');
  await clock.advance(100);
  client.disconnect();
  prepared();
  await clock.advance(10_000);
  expect([client.connects, clock.pending]).toEqual([0, 0]);
});
