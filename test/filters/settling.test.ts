import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { ConnectError } from '../../src/core/errors.ts';
import { seededRandom } from '../../src/testing/entry.ts';
import { harness, settled } from '../support/harness.ts';

/** Old at once, and good all the same for a second. */
const kept = { 'cache-control': 'max-age=0, stale-while-revalidate=1, stale-if-error=1', etag: '"a"' };
const SEEDS = Array.from({ length: 20 }, (_, i) => i + 1);

test.each(SEEDS)(
  'F71: whatever becomes of calls and of who wait for them, nothing of them is left (seed %i)',
  async (seed) => {
    const random = seededRandom(seed);
    const chance = (part: number) => random() < part;
    const { call, peer, clock, target, targets } = harness({
      fallback: {
        service: 'archive',
        staleMs: 200,
        answer: async ({ path }) => {
          if (path === '/1') throw new Error('no');
          return path === '/2' ? undefined : { body: 'made' };
        },
      },
      cache: {},
      singleFlight: {},
      bulkhead: { by: ({ header }) => header('x-of'), max: 5 },
      mirror: { service: 'next', ratio: 0.3, methods: 'all', concurrency: 3 },
      fault: { delayMs: 20, delayRatio: 0.1, abort: 'reset', abortRatio: 0.1 },
      others: ['archive', 'next'],
      deadlineMs: 300,
      attemptTimeoutMs: 100,
    });
    const idle = clock.pending;
    const controllers = Array.from({ length: 10 }, () => new AbortController());
    const outcomes = { answered: 0, failed: 0 };
    const calls: Promise<unknown>[] = [];
    for (let i = 0; i < 300; i++) {
      const { signal } = controllers[i % controllers.length] ?? new AbortController();
      const req = {
        method: chance(0.8) ? 'GET' : 'POST',
        path: `/${Math.floor(random() * 5)}`,
        headers: { 'x-of': chance(0.5) ? 'red' : 'blue' },
      };
      const reply = call(req, { signal }).then(
        () => outcomes.answered++,
        () => outcomes.failed++,
      );
      calls.push(reply);
      if (chance(0.05)) controllers[Math.floor(random() * 5)]?.abort();
      while (peer.waiting > 0 && chance(0.7)) {
        const arrival = peer.next();
        const draw = random();
        if (draw < 0.1) arrival.reply({ status: 304 });
        else if (draw < 0.4) arrival.reply({ status: 200, headers: chance(0.5) ? kept : {} });
        else if (draw < 0.7) arrival.reply({ status: chance(0.5) ? 500 : 503 });
        else if (draw < 0.85) arrival.fail(new ConnectError(arrival.ctx.target, 'a', new Error('refused')));
        else if (arrival.ctx.cancelled !== undefined) arrival.fail(arrival.ctx.cancelled);
      }
      await clock.advance(Math.floor(random() * 20));
    }
    await clock.advance(5_000);
    await Promise.all(calls);
    await settled();
    expect(outcomes.answered + outcomes.failed).toBe(300);
    expect(outcomes.answered).toBeGreaterThan(50);
    expect(outcomes.failed).toBeGreaterThan(5);
    for (const { signal } of controllers) expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    expect([target.flights.size, target.runningByKey.size, target.copies.running]).toEqual([0, 0, 0]);
    for (const name of ['players', 'archive', 'next']) {
      const { inFlight, nodes } = targets.of(name);
      expect(inFlight.running).toBe(0);
      expect(nodes.nodes.map(({ running }) => running).every((running) => running === 0)).toBe(true);
    }
    expect(clock.pending).toBe(idle);
  },
);
