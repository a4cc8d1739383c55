import { expect, test } from 'vitest';
import { Turns } from '../../src/core/turns.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';

/** A clock on which work takes time, and nothing else does. */
class WorkClock extends ManualClock {
  workedMs = 0;
  override now(): number {
    return this.workedMs;
  }
}

const aTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

test('a slice is over after 2 ms, and begins anew with each turn of the event loop', async () => {
  const clock = new WorkClock();
  const turns = new Turns(clock);
  expect(turns.over).toBe(false);
  clock.workedMs += 2;
  expect(turns.over).toBe(true);
  await aTurn();
  expect(turns.over).toBe(false);
});

test('who waits goes on when everybody else had a turn', async () => {
  const turns = new Turns(new ManualClock());
  const order: string[] = [];
  setImmediate(() => order.push('somebody else'));
  await turns.next().then(() => order.push('goes on'));
  expect(order).toEqual(['somebody else', 'goes on']);
});

test('those who share slices go on one after the other, no longer than one slice in a turn', async () => {
  const clock = new WorkClock();
  const turns = new Turns(clock);
  let turn = 0;
  let counting = setImmediate(function count() {
    turn++;
    counting = setImmediate(count);
  });
  const worked: [name: string, turn: number][] = [];
  const work = async (name: string, times: number) => {
    for (let i = 0; i < times; i++) {
      await turns.next();
      clock.workedMs += 1;
      worked.push([name, turn]);
    }
  };
  await Promise.all([work('a', 2), work('b', 2), work('c', 1)]);
  clearImmediate(counting);
  expect(worked.map(([name]) => name).join('')).toBe('abcab');
  // Two of 1 ms each fill a slice.
  const inTurns = Map.groupBy(worked, ([, at]) => at);
  expect([...inTurns.values()].map(({ length }) => length)).toEqual([2, 2, 1]);
});
