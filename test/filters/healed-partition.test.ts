import { expect, test } from 'vitest';
import { ConnectError } from '../../src/core/errors.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { harness, settled } from '../support/harness.ts';

const PROCESSES = 40;
/** What none of the processes can reach for a while. */
const LOST = '10.0.0.1:8080';
/** Each process makes one call in this time. */
const TICK_MS = 50;
const SECOND = 1_000 / TICK_MS;

test('F86: many processes neither probe at once what all of them lost, nor fall upon it when it is there again', async () => {
  const clock = new ManualClock();
  const settings = { clock, retry: false, breaker: false, deadlineMs: false } as const;
  const processes = Array.from({ length: PROCESSES }, (_, i) => harness({ ...settings, seed: i + 1 }));
  /** The ticks in which the lost endpoint was called, by process; one for each call. */
  const arrivals = processes.map((): number[] => []);
  let ticks = 0;
  const run = async (count: number, reachable: boolean) => {
    for (const end = ticks + count; ticks < end; ticks++) {
      for (const [i, { call, peer }] of processes.entries()) {
        void call();
        const arrival = peer.next();
        const id = arrival.ctx.endpoint?.id ?? '';
        if (id === LOST) arrivals[i]?.push(ticks);
        if (id === LOST && !reachable) arrival.fail(new ConnectError('players', id, new Error('ECONNREFUSED')));
        else arrival.reply({ status: 200 });
      }
      await settled();
      await clock.advance(TICK_MS);
    }
  };
  await run(10 * SECOND, false);
  const healed = ticks;
  await run(25 * SECOND, true);

  const all = arrivals.flat();
  const inTick = (tick: number) => all.filter((one) => one === tick).length;
  // All lost it in the first half second, and probe it once in the rest of the time.
  const probes = Array.from({ length: 9 * SECOND }, (_, i) => inTick(SECOND + i));
  expect(probes.reduce((sum, one) => sum + one, 0)).toBe(PROCESSES);
  expect(Math.max(...probes)).toBeLessThanOrEqual(6);

  // Of three endpoints each gets a third of the calls: this one far less of them in the first second after its probe, and all of that in the end.
  const share = (PROCESSES * SECOND) / 3;
  let atFirst = 0;
  for (const ticksOfOne of arrivals) {
    const [probe = 0, ...others] = ticksOfOne.filter((tick) => tick >= healed);
    atFirst += others.filter((tick) => tick < probe + SECOND).length;
  }
  expect(atFirst).toBeLessThan(0.25 * share);
  expect(all.filter((tick) => tick >= ticks - SECOND).length).toBeGreaterThan(0.8 * share);
});
