import { expect, test } from 'vitest';
import { CodelQueue } from '../../src/core/codel-queue.ts';
import type { Priority } from '../../src/core/priority.ts';
import type { ResolvedQueue } from '../../src/core/queue-options.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';

/**
 * A queue with so many places free behind it, none at first; what becomes of who waits is said by its name. A crowd of less important ones, of which nothing is said, waits
 * behind them each time that places become free.
 */
function setup({ crowd = 0, ...options }: Partial<ResolvedQueue> & { crowd?: number } = {}) {
  const clock = new ManualClock();
  const queue = new CodelQueue({ size: 100, targetMs: 5, intervalMs: 100, lifo: false, ...options }, clock);
  const said: string[] = [];
  const join = (name: string, priority: Priority = 'default') => {
    const say = (what: string) => () => said.push(`${name} ${what}`);
    return queue.join({ priority, admit: say('in'), refuse: say('refused') });
  };
  /** Lets so many in, of whatever priority. */
  const free = (count = 1) => {
    const nobody = { priority: 'sheddable', admit: () => {}, refuse: () => {} } as const;
    const leaves = Array.from({ length: crowd }, () => queue.join(nobody));
    let left = count;
    queue.advance(() => left-- > 0);
    for (const leave of leaves) leave?.();
  };
  return { clock, queue, said, join, free };
}

/** Brings it to where nobody came through soon for an interval: `old` has waited for a little less than that. */
async function overloaded(options: Parameters<typeof setup>[0] = {}) {
  const all = setup({ crowd: 16, ...options });
  const { clock, join, free } = all;
  join('first');
  await clock.advance(60);
  join('old');
  free();
  await clock.advance(60);
  all.said.length = 0;
  return all;
}

test('whoever waits is let in once, in the order they came, and leaves no timer', () => {
  const { clock, queue, said, join, free } = setup();
  for (const name of ['a', 'b', 'c']) join(name);
  expect([queue.count, clock.pending]).toEqual([3, 3]);
  free(2);
  expect([said, queue.count, clock.pending]).toEqual([['a in', 'b in'], 1, 1]);
  free(5);
  expect([said, queue.count, clock.pending]).toEqual([['a in', 'b in', 'c in'], 0, 0]);
});

test('the room that is asked for is that of whoever is next', () => {
  const { queue, said, join } = setup();
  const asked: Priority[] = [];
  join('a', 'sheddable');
  join('b', 'critical');
  join('c');
  queue.advance((priority) => {
    asked.push(priority);
    return priority !== 'sheddable';
  });
  expect([asked, said, queue.count]).toEqual([['critical', 'default', 'sheddable'], ['b in', 'c in'], 1]);
});

test('nobody waits longer than the interval, whoever comes behind', async () => {
  const { clock, queue, said, join } = setup();
  join('a');
  await clock.advance(50);
  join('b');
  await clock.advance(49);
  expect(said).toEqual([]);
  await clock.advance(1);
  expect([said, queue.count]).toEqual([['a refused'], 1]);
  await clock.advance(50);
  expect([said, queue.count, clock.pending]).toEqual([['a refused', 'b refused'], 0, 0]);
});

test('whoever leaves, in time or late, is neither let in nor refused, and takes nobody else along', async () => {
  const { clock, queue, said, join, free } = setup({ size: 2 });
  join('a');
  const leave = join('b');
  expect(join('c')).toBeUndefined();
  leave?.();
  leave?.();
  expect(queue.count).toBe(1);
  join('d');
  free(2);
  leave?.();
  await clock.advance(1_000);
  expect([said, queue.count, clock.pending]).toEqual([['a in', 'd in'], 0, 0]);
});

test('a full queue turns away who is not more important than the least important in it', () => {
  const { said, join, queue } = setup({ size: 2 });
  join('a');
  join('b');
  expect([join('c'), join('d', 'sheddable')]).toEqual([undefined, undefined]);
  expect(said).toEqual([]);
  join('e', 'critical');
  expect([said, queue.count]).toEqual([['b refused'], 2]);
  join('f', 'critical');
  expect(join('g', 'critical')).toBeUndefined();
  expect([said, queue.count]).toEqual([['b refused', 'a refused'], 2]);
});

test('a wait of up to twice the target is no reason to refuse, overload or not', async () => {
  const { clock, said, join, free } = await overloaded();
  join('exactly');
  await clock.advance(10);
  free(2);
  expect(said).toEqual(['old refused', 'exactly in']);
});

test('one that waited longer than twice the target is refused, and its place goes to the next', async () => {
  const { clock, said, join, free, queue } = await overloaded();
  join('long');
  await clock.advance(11);
  join('short');
  free(3);
  expect([said, queue.count]).toEqual([['old refused', 'long refused', 'short in'], 0]);
});

test.each([
  [15, 'in'],
  [16, 'refused'],
])(
  'with %i others it does not matter that one waited long: so few keep workers busy, or do not',
  async (crowd, what) => {
    const { said, free } = await overloaded({ crowd });
    free();
    expect(said).toEqual([`old ${what}`]);
  },
);

test('it is overload only once nobody came through within the target for a whole interval', async () => {
  const { clock, said, join, free } = setup();
  join('a');
  await clock.advance(99);
  join('b');
  free();
  expect(said).toEqual(['a in']);
  await clock.advance(0);
  join('c');
  await clock.advance(5);
  // Both came within the target by now: all is well until an interval later.
  free();
  expect(said.at(-1)).toBe('b in');
});

test('it is overload from the very end of that interval on', async () => {
  for (const [ms, what] of [
    [39, 'in'],
    [40, 'refused'],
  ] as const) {
    const { clock, said, join, free } = setup({ crowd: 16 });
    join('first');
    await clock.advance(60);
    join('next');
    free();
    await clock.advance(ms);
    free();
    expect(said).toEqual(['first in', `next ${what}`]);
  }
});

test.each([false, true])(
  'where all come through soon there is no overload, however long it goes on (lifo: %s)',
  async (lifo) => {
    const { clock, said, join, free } = setup({ lifo });
    join('0');
    for (let i = 1; i <= 50; i++) {
      join(`${i}`);
      free();
      await clock.advance(4);
    }
    expect(said).toEqual(Array.from({ length: 50 }, (_, i) => `${i} in`));
  },
);

test('one that comes through within the target ends the overload', async () => {
  const { clock, said, join, free } = await overloaded({ intervalMs: 100 });
  join('soon');
  await clock.advance(5);
  join('later');
  free(2);
  expect(said).toEqual(['old refused', 'soon in']);
  await clock.advance(50);
  free();
  expect(said.at(-1)).toBe('later in');
});

test('a wait of more than the target does not end it', async () => {
  const { clock, said, join, free } = await overloaded();
  join('six');
  join('behind');
  await clock.advance(6);
  free(2);
  await clock.advance(14);
  free();
  expect(said).toEqual(['old refused', 'six in', 'behind refused']);
});

test('a queue that was empty in between begins anew', async () => {
  for (const emptied of ['admitted', 'left']) {
    const { clock, said, join, free } = setup();
    const leave = join('first');
    await clock.advance(60);
    if (emptied === 'left') leave?.();
    else free();
    await clock.advance(500);
    join('next');
    await clock.advance(60);
    free();
    expect(said.at(-1)).toBe('next in');
  }
});

test('with lifo the newest of the most important goes first while there is overload, and the oldest before it', async () => {
  const before = setup({ lifo: true });
  for (const name of ['a', 'b']) before.join(name);
  before.free(2);
  expect(before.said).toEqual(['a in', 'b in']);

  const { said, join, free } = await overloaded({ lifo: true });
  join('new');
  join('newest');
  join('least', 'sheddable');
  free(2);
  expect(said).toEqual(['newest in', 'new in']);
});

test('with lifo those who come through soon do not end the overload: they are the newest', async () => {
  const { clock, said, join, free } = await overloaded({ lifo: true });
  for (let i = 0; i < 3; i++) {
    join(`new ${i}`);
    free();
    await clock.advance(1);
  }
  expect(said).toEqual(['new 0 in', 'new 1 in', 'new 2 in']);
});
