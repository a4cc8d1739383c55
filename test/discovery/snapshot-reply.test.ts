import { expect, test } from 'vitest';
import { Turns } from '../../src/core/turns.ts';
import { serialiseRecord } from '../../src/discovery/record.ts';
import { readSnapshot } from '../../src/discovery/redis/snapshot-reply.ts';
import type { Instance } from '../../src/discovery/registry.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { instanceOf } from './setup.ts';

/** A clock on which each look costs a tenth of a millisecond. */
class SlowClock extends ManualClock {
  looks = 0;
  override now(): number {
    return super.now() + this.looks++ * 0.1;
  }
}

function replyOf(instances: readonly Instance[]): unknown {
  const ids = JSON.stringify(instances.map(({ id }) => id));
  return ['e', '7', ids, instances.map((one) => `1|${serialiseRecord(one)}`)];
}

const more = async () => [];
const shuffled = Array.from({ length: 5_000 }, (_, i) => instanceOf({ id: `players-${(i * 2_903) % 5_000}` }));

test('F58: a large answer is read in many slices, and comes in the order of its ids', async () => {
  const clock = new SlowClock();
  let others = 0;
  const count = () => {
    others++;
    if (others > 0) turn = setImmediate(count);
  };
  let turn = setImmediate(count);
  const reading = { service: 'players', turns: new Turns(clock), known: () => undefined, more, refuse: () => {} };
  const { at, instances } = await readSnapshot(replyOf(shuffled), reading);
  clearImmediate(turn);
  expect(at).toEqual({ epoch: 'e', revision: 7 });
  const ids = instances?.map(({ id }) => id) ?? [];
  expect(ids).toEqual(shuffled.map(({ id }) => id).sort());
  // A slice ends when 2 ms are over, which are twenty looks at this clock: others had a turn after each.
  expect(others).toBeGreaterThanOrEqual(Math.floor(clock.looks / 25));
  expect(others).toBeGreaterThan(3);
});

test('F58: of a large answer the records come in parts, and one that is gone meanwhile is left out', async () => {
  const all = Array.from({ length: 2_500 }, (_, i) => instanceOf({ id: `players-${i}` }));
  const ids = all.map(({ id }) => id);
  const records = all.map((one) => `1|${serialiseRecord(one)}`);
  const asked: number[] = [];
  const reading = {
    service: 'players',
    turns: new Turns(new ManualClock()),
    known: () => undefined,
    more: async (some: readonly string[]) => {
      asked.push(some.length);
      return some.map((id) => (id === 'players-2400' ? null : records[ids.indexOf(id)]));
    },
    refuse: () => {},
  };
  const { instances } = await readSnapshot(['e', '7', JSON.stringify(ids), records.slice(0, 1_000)], reading);
  expect(asked).toEqual([250, 250, 250, 250, 250, 250]);
  expect(instances?.length).toBe(2_499);
  await expect(readSnapshot(['e', '7', JSON.stringify(ids), []], { ...reading, more })).rejects.toThrow(
    'without records',
  );
});

test('F58: the answers of many services that come together are read in slices that they share', async () => {
  const clock = new SlowClock();
  const turns = new Turns(clock);
  const inOneTurn = new Map<number, number>();
  let turn = 0;
  let counting = setImmediate(function count() {
    turn++;
    counting = setImmediate(count);
  });
  const reply = replyOf(shuffled.slice(0, 10));
  await Promise.all(
    Array.from({ length: 200 }, async () => {
      const reading = { service: 'players', turns, known: () => undefined, more, refuse: () => {} };
      const { instances } = await readSnapshot(reply, reading);
      expect(instances?.length).toBe(10);
      inOneTurn.set(turn, (inOneTurn.get(turn) ?? 0) + 1);
    }),
  );
  clearImmediate(counting);
  // A slice is twenty looks at this clock, and each answer takes two or three.
  expect(Math.max(...inOneTurn.values())).toBeLessThanOrEqual(11);
});

test('an instance of which nothing new is said stays the same object', async () => {
  const before = instanceOf({ id: 'a' });
  const known = (id: string) => (id === 'a' ? before : instanceOf({ id, weight: 2 }));
  const reading = { service: 'players', turns: new Turns(new ManualClock()), known, more, refuse: () => {} };
  const reply = replyOf([instanceOf({ id: 'b' }), instanceOf({ id: 'a' })]);
  const { instances } = await readSnapshot(reply, reading);
  expect(instances?.[0]).toBe(before);
  expect(instances?.[1]?.weight).toBe(1);
});

test.each([
  undefined,
  'x',
  [],
  [1, 2],
  ['e', 'x'],
  ['e', '1', 'ids', []],
  ['e', '1', '{}', []],
  ['e', '1', '[]', 'records'],
])('an answer that is none is refused: %j', async (reply) => {
  const reading = {
    service: 'players',
    turns: new Turns(new ManualClock()),
    known: () => undefined,
    more,
    refuse: () => {},
  };
  await expect(readSnapshot(reply, reading)).rejects.toThrow('the registry answered');
});
