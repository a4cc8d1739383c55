import { expect, test } from 'vitest';
import { PRIORITIES, type Priority } from '../../../src/core/priority.ts';
import { Admission, type Admitted } from '../../../src/server/limit/admission.ts';
import { type LimitOptions, resolveLimit } from '../../../src/server/limit/limit-options.ts';
import { MemoryMetrics } from '../../../src/telemetry/memory-metrics.ts';
import { ManualClock } from '../../../src/testing/manual-clock.ts';
import { seededRandom } from '../../../src/testing/seeded-random.ts';

/** An admission whose requests the test holds; what becomes of each is said by its name. */
function setup(options: LimitOptions) {
  const clock = new ManualClock();
  const metrics = new MemoryMetrics();
  const admission = new Admission(resolveLimit('limit', options), { clock, random: seededRandom(1), metrics });
  const said: string[] = [];
  const running: Admitted[] = [];
  const ask = (name: string, priority: Priority = 'default') => {
    const admitted = admission.enter(priority);
    const admit = (given: Admitted) => {
      said.push(`${name} in`);
      running.push(given);
    };
    if (admitted === undefined) return admission.wait(priority, admit, () => said.push(`${name} refused`));
    admit(admitted);
    return undefined;
  };
  const fill = (count: number) => {
    for (let i = 0; i < count; i++) ask('first', 'critical');
    said.length = 0;
  };
  /** One after the other, with nothing else there. */
  const serve = async (count: number, ms: number) => {
    for (let i = 0; i < count; i++) {
      const admitted = admission.enter('critical');
      await clock.advance(ms);
      admitted?.answered(false, false);
      admitted?.ended();
    }
  };
  return { clock, metrics, admission, ask, said, running, fill, serve };
}

const ten = { initial: 10, min: 10, max: 10 };

test('each priority may use its share of the limit', () => {
  const { ask, fill, said, metrics } = setup(ten);
  fill(7);
  for (const priority of PRIORITIES.toReversed()) for (let i = 0; i < 3; i++) ask(priority, priority);
  expect(said).toEqual([
    ...Array.from({ length: 3 }, () => 'sheddable refused'),
    'default in',
    'default in',
    'default refused',
    'critical in',
    'critical refused',
    'critical refused',
  ]);
  expect(PRIORITIES.map((priority) => metrics.value('inbound_shed', { priority }))).toEqual([2, 1, 3]);
});

test('what ends makes room, once', () => {
  const { ask, fill, running, said } = setup(ten);
  fill(10);
  running[0]?.ended();
  running[0]?.ended();
  ask('a', 'critical');
  ask('b', 'critical');
  expect(said).toEqual(['a in', 'b refused']);
});

test('those that wait come in when there is room, the more important first, in the order they came', () => {
  const { ask, fill, running, said, clock, metrics } = setup({ ...ten, queue: {} });
  fill(10);
  ask('a', 'sheddable');
  ask('b');
  ask('c', 'critical');
  ask('d');
  expect(metrics.value('inbound_waiting')).toBe(4);
  expect(said).toEqual([]);
  for (let i = 0; i < 4; i++) running[i]?.ended();
  expect(said).toEqual(['c in', 'b in', 'd in']);
  for (let i = 4; i < 8; i++) running[i]?.ended();
  expect(said.at(-1)).toBe('a in');
  expect(clock.pending).toBe(0);
});

test('nobody waits longer than the interval', async () => {
  const { ask, fill, said, clock, metrics } = setup({ ...ten, queue: { intervalMs: 50 } });
  fill(10);
  ask('a', 'sheddable');
  await clock.advance(49);
  expect(said).toEqual([]);
  await clock.advance(1);
  expect(said).toEqual(['a refused']);
  expect(metrics.value('inbound_shed', { priority: 'sheddable' })).toBe(1);
  expect(metrics.value('inbound_waiting')).toBe(0);
});

test('whoever leaves while it waits is neither let in nor refused', async () => {
  const { ask, fill, running, said, clock } = setup({ ...ten, queue: {} });
  fill(10);
  const leave = ask('a', 'critical');
  leave?.();
  leave?.();
  running[0]?.ended();
  await clock.advance(1_000);
  expect(said).toEqual([]);
  expect(clock.pending).toBe(0);
});

test('a full queue makes room for the more important, by the newest of the least important', () => {
  const { ask, fill, said } = setup({ ...ten, queue: { size: 2 } });
  fill(10);
  ask('a', 'sheddable');
  ask('b', 'sheddable');
  ask('c', 'sheddable');
  ask('d');
  ask('e', 'critical');
  ask('f');
  expect(said).toEqual(['c refused', 'b refused', 'a refused', 'f refused']);
});

test('once nobody came through soon for an interval, whoever waited for long is refused when its turn comes', async () => {
  const { ask, fill, running, said, clock } = setup({ ...ten, queue: { targetMs: 5, intervalMs: 100 } });
  fill(10);
  ask('a', 'critical');
  await clock.advance(60);
  ask('b', 'critical');
  running[0]?.ended();
  await clock.advance(45);
  ask('c', 'critical');
  for (let i = 0; i < 15; i++) ask('another', 'sheddable');
  running[1]?.ended();
  expect(said).toEqual(['a in', 'b refused', 'c in']);
});

test('with lifo the newest is first while there is overload', async () => {
  const { ask, fill, running, said, clock } = setup({ ...ten, queue: { targetMs: 50, intervalMs: 100, lifo: true } });
  fill(10);
  ask('a', 'critical');
  await clock.advance(90);
  ask('b', 'critical');
  running[0]?.ended();
  await clock.advance(20);
  ask('c', 'critical');
  running[1]?.ended();
  running[2]?.ended();
  expect(said).toEqual(['a in', 'c in', 'b in']);
});

test.each(['gradient2', 'vegas', 'aimd'] as const)(
  'F85: %s falls when requests are given up that took far too long',
  async (algorithm) => {
    const { ask, running, clock, metrics, serve } = setup({ algorithm });
    await serve(40, 10);
    for (let i = 0; i < 20; i++) ask('a', 'critical');
    await clock.advance(5_000);
    for (const one of running) one.ended();
    expect(metrics.value('inbound_limit')).toBeLessThan(20);
  },
);

test('requests that are given up soon, and those that fail, say nothing', async () => {
  const { ask, running, clock, metrics, serve } = setup({});
  await serve(40, 10);
  for (let i = 0; i < 20; i++) ask('a', 'critical');
  await clock.advance(20);
  for (const one of running.splice(0, 10)) one.ended();
  await clock.advance(5_000);
  for (const one of running) {
    one.answered(true, false);
    one.ended();
  }
  expect(metrics.value('inbound_limit')).toBe(20);
});

test.each<[LimitOptions, string]>([
  [{ min: 0 }, 'limit.min must be an integer from 1 to 1000000, not 0'],
  [{ min: 10, max: 9 }, 'limit.max must be an integer from 10 to 1000000, not 9'],
  [{ initial: 3 }, 'limit.initial must be an integer from 4 to 1000, not 3'],
  [{ slowMs: 0 }, 'limit.slowMs must be a number of milliseconds of at least 1, not 0'],
  [{ queue: { size: 0 } }, 'limit.queue.size must be an integer from 1 to 100000, not 0'],
  [{ queue: { targetMs: Number.NaN } }, 'limit.queue.targetMs must be a number of milliseconds of at least 1, not NaN'],
  [{ queue: { intervalMs: 4 } }, 'limit.queue.intervalMs must be a number of milliseconds of at least 20, not 4'],
])('%o is refused', (options, message) => {
  expect(() => resolveLimit('limit', options)).toThrow(message);
});
