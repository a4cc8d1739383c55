import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Turns } from '../../src/core/turns.ts';
import { FollowedService } from '../../src/discovery/followed-service.ts';
import { Reach } from '../../src/discovery/reach.ts';
import { serialiseRecord } from '../../src/discovery/record.ts';
import { markAfter } from '../../src/discovery/redis/delta.ts';
import { serviceKeys } from '../../src/discovery/redis/keys.ts';
import { Reader } from '../../src/discovery/redis/reader.ts';
import type { Instance } from '../../src/discovery/registry.ts';
import { Rejections } from '../../src/discovery/rejections.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { settled } from '../support/harness.ts';
import { createScope, instanceOf } from './setup.ts';

/** A reader, and in place of Redis a model of its records that a test changes by hand. */
function setup() {
  const clock = new ManualClock();
  const scope = createScope(clock);
  const followed = new FollowedService('players', scope);
  const records = new Map<string, Instance>();
  let epoch = '';
  let rev = 0;
  const redis = {
    snapshots: 0,
    failing: undefined as Error | undefined,
    /** Holds answers back until it is called. */
    release: undefined as (() => void) | undefined,
    slow: false,
  };
  /** The mark of each revision. */
  const marks = [''];
  const run = async (_: unknown, __: unknown, args: readonly (string | number)[]) => {
    const [knownEpoch, knownRev, , , knownMark] = args;
    redis.snapshots++;
    if (redis.failing !== undefined) throw redis.failing;
    const at = [epoch, String(rev)];
    const known = knownEpoch === epoch && Number(knownRev) === rev && knownMark === marks[rev];
    const listed = [...records.values()];
    const reply = known
      ? at
      : [
          ...at,
          JSON.stringify(listed.map(({ id }) => id)),
          listed.map((one) => `1|${serialiseRecord(one)}`),
          [],
          marks[rev],
        ];
    if (redis.slow) await new Promise<void>((resolve) => (redis.release = resolve));
    return reply;
  };
  const reader = new Reader(followed, {
    connection: { run, fields: async () => [] },
    keys: serviceKeys('default', 'players'),
    reach: new Reach('redis', scope),
    rejections: new Rejections('redis', scope),
    turns: new Turns(clock),
    scope,
  });
  const told = (change: object) => {
    const text = JSON.stringify({ epoch, rev: ++rev, ...change });
    marks[rev] = markAfter(marks[rev - 1] ?? '', text);
    return text;
  };
  return {
    clock,
    scope,
    followed,
    reader,
    redis,
    begin: (name: string) => {
      epoch = name;
      rev = 0;
      records.clear();
    },
    join: (id: string, generation = 1) => {
      const instance = instanceOf({ id, generation });
      records.set(id, instance);
      return told({ op: 'join', record: serialiseRecord(instance) });
    },
    leave: (id: string, generation = 1) => {
      records.delete(id);
      return told({ op: 'leave', id, generation: String(generation) });
    },
    lapse: (id: string, generation = 1) => {
      records.delete(id);
      return told({ op: 'lapse', id, generation: String(generation) });
    },
    /** Redis fails over to a copy that never had this record: the connection stands, and revisions are counted from before it. */
    lose: (id: string) => {
      records.delete(id);
      rev--;
    },
    get ids() {
      return followed.view.instances.map(({ id, generation }) => `${id}${generation}`).join(' ');
    },
    get truth() {
      return [...records.values()]
        .map(({ id, generation }) => `${id}${generation}`)
        .sort()
        .join(' ');
    },
  };
}

test('changes that follow one another are applied without asking again', async () => {
  const s = setup();
  s.reader.ready(true, true);
  await s.clock.advance(0);
  expect(s.followed.view.state).toBe('current');
  s.begin('first');
  for (const text of [s.join('a'), s.join('b'), s.leave('a'), s.join('c')]) s.reader.message(text);
  expect(s.ids).toBe('b1 c1');
  s.reader.message(s.lapse('c'));
  expect([...s.followed.view.suspects]).toEqual(['c']);
  expect(s.redis.snapshots).toBe(1);
});

test('F21: a change that was missed is found at once by the gap, at the latest by the next look', async () => {
  const s = setup();
  s.begin('first');
  s.reader.ready(true, true);
  await s.clock.advance(0);
  s.join('missed');
  s.reader.message(s.join('heard'));
  await s.clock.advance(500);
  expect(s.ids).toBe('heard1 missed1');
  s.join('silent');
  await s.clock.advance(37_000);
  expect(s.ids).toBe('heard1 missed1 silent1');
});

test('F23: repeated, reordered and replayed changes do nothing twice', async () => {
  const s = setup();
  s.begin('first');
  s.reader.ready(true, true);
  await s.clock.advance(0);
  const [one, two, three] = [s.join('a'), s.leave('a'), s.join('b')];
  for (const text of [one, two, three, two, one, three, one]) s.reader.message(text);
  await s.clock.advance(1_000);
  expect([s.ids, s.redis.snapshots]).toEqual(['b1', 1]);
});

test('what is told while a snapshot is on its way is neither lost nor undone by it', async () => {
  const s = setup();
  s.begin('first');
  s.join('a');
  s.redis.slow = true;
  s.reader.ready(true, true);
  await s.clock.advance(0);
  s.reader.message(s.join('b'));
  s.reader.message(s.leave('a'));
  expect(s.ids).toBe('');
  s.redis.release?.();
  await s.clock.advance(0);
  expect(s.ids).toBe('b1');
  expect(s.redis.snapshots).toBe(1);
});

test('an answer to a question from before a loss is not believed after it', async () => {
  const s = setup();
  s.begin('first');
  s.join('a');
  s.redis.slow = true;
  s.reader.ready(true, true);
  await s.clock.advance(0);
  s.reader.lost('refused');
  s.redis.release?.();
  await s.clock.advance(60_000);
  expect([s.ids, s.followed.view.state, s.clock.pending]).toEqual(['', 'stale', 0]);
});

test('nonsense, however much of it, causes at most four snapshots a second', async () => {
  const s = setup();
  s.reader.ready(true, true);
  await s.clock.advance(0);
  for (let i = 0; i < 1_000; i++) {
    s.reader.message('nonsense');
    await s.clock.advance(10);
  }
  expect(s.redis.snapshots).toBeLessThanOrEqual(1 + 40);
});

test('an answer that is none makes the view stale with its reason, is retried, and said once', async () => {
  const s = setup();
  s.redis.failing = new Error('LOADING Redis is loading the dataset in memory');
  s.reader.ready(true, true);
  await s.clock.advance(60_000);
  expect(s.followed.view).toMatchObject({ state: 'stale', reason: s.redis.failing.message });
  expect(s.redis.snapshots).toBeGreaterThan(5);
  expect(s.redis.snapshots).toBeLessThan(60);
  s.redis.failing = undefined;
  await s.clock.advance(6_000);
  expect(s.followed.view.state).toBe('current');
  expect(s.scope.seen('registry').map(({ state }) => state)).toEqual(['lost', 'connected']);
  s.reader.close();
  expect(s.clock.pending).toBe(0);
});

test('F54: an owner that leaves is heard before the first look after a return, too', async () => {
  const s = setup();
  s.begin('first');
  s.join('a');
  s.join('b');
  s.reader.ready(true, true);
  await s.clock.advance(0);
  s.reader.lost('gone');
  s.reader.ready(false, true);
  s.reader.message(s.leave('a'));
  expect(s.ids).toBe('b1');
  s.reader.close();
});

test('F21: while somebody is suspect the reader asks more often, so that he is cleared before his grace is over', async () => {
  const s = setup();
  s.begin('first');
  s.join('a');
  s.reader.ready(true, true);
  await s.clock.advance(0);
  s.reader.message(s.join('b'));
  s.reader.message(s.lapse('b'));
  expect(s.followed.view.suspects.size).toBe(1);
  s.join('b', 2); // and nobody tells
  await s.clock.advance(12_000);
  expect([s.ids, s.followed.view.suspects.size]).toEqual(['a1 b2', 0]);
  s.reader.close();
});

test('F21: whom the reader itself found missing is looked for as often', async () => {
  const s = setup();
  s.begin('first');
  s.join('a');
  s.join('b');
  s.reader.ready(true, true);
  await s.clock.advance(0);
  s.lapse('b'); // and nobody tells
  await s.clock.advance(36_000);
  expect(s.followed.view.suspects.size).toBe(1);
  s.join('b', 2); // nor of this
  await s.clock.advance(12_000);
  expect([s.ids, s.followed.view.suspects.size]).toEqual(['a1 b2', 0]);
  s.reader.close();
});

test('F26: many callers that return together do not ask together', async () => {
  const callers = Array.from({ length: 100 }, () => setup());
  const asked = () => callers.filter(({ redis }) => redis.snapshots > 0).length;
  const wait = (ms: number) => Promise.all(callers.map(({ clock }) => clock.advance(ms)));
  for (const { reader } of callers) reader.ready(false, true);
  await wait(100);
  expect(asked()).toBeLessThan(20);
  await wait(1_900);
  expect(callers.map(({ redis }) => redis.snapshots)).toEqual(callers.map(() => 1));
  for (const { reader } of callers) reader.close();
});

test('F23: whatever is lost, repeated and reordered, the view comes to the truth', async () => {
  const id = fc.constantFrom('a', 'b', 'c');
  const change = fc.oneof(
    { weight: 6, arbitrary: fc.record({ op: fc.constant('join' as const), id }) },
    { weight: 3, arbitrary: fc.record({ op: fc.constant('leave' as const), id }) },
    { weight: 1, arbitrary: fc.record({ op: fc.constant('reset' as const), id }) },
  );
  const step = fc.record({
    change,
    /** How often it is delivered, how many changes late, and how much time goes by. */
    copies: fc.constantFrom(0, 1, 1, 1, 2),
    late: fc.constantFrom(0, 0, 0, 1, 3),
    pauseMs: fc.constantFrom(0, 0, 5, 300),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const s = setup();
      const generations = new Map<string, number>();
      s.begin('epoch 0');
      s.reader.ready(true, true);
      await s.clock.advance(0);
      const due: { at: number; text: string }[] = [];
      for (const [i, { change, copies, late, pauseMs }] of steps.entries()) {
        const generation = (generations.get(change.id) ?? 0) + 1;
        let text: string;
        if (change.op === 'leave') text = s.leave(change.id, generation - 1);
        else {
          // After a reset the owners come back one by one, as the first join of the new epoch.
          if (change.op === 'reset') s.begin(`epoch ${i + 1}`);
          generations.set(change.id, generation);
          text = s.join(change.id, generation);
        }
        for (let copy = 0; copy < copies; copy++) due.push({ at: i + late, text });
        for (const { at, text } of due) if (at === i) s.reader.message(text);
        await s.clock.advance(pauseMs);
      }
      for (const { at, text } of due) if (at >= steps.length) s.reader.message(text);
      await s.clock.advance(37_000);
      // Suspects are what a reset took away and nobody withdrew.
      const certain = s.followed.view.instances.filter((one) => !s.followed.view.suspects.has(one.id));
      expect(certain.map((one) => `${one.id}${one.generation}`).join(' ')).toBe(s.truth);
      s.reader.close();
      s.followed.close();
      expect(s.clock.pending).toBe(0);
    }),
    { numRuns: 1_000 },
  );
}, 60_000);

test('F54: a leave that is told while a snapshot is on its way is a leave, though the snapshot knows of it', async () => {
  const { clock, reader, redis, begin, join, leave, followed } = setup();
  begin('one');
  join('a');
  join('b');
  reader.ready(true, true);
  await clock.advance(0);
  await settled();
  expect(followed.view.instances.map(({ id }) => id)).toEqual(['a', 'b']);
  // The next snapshot is taken after the leave, and its answer arrives after the message of it.
  const told = leave('b');
  redis.slow = true;
  await clock.advance(36_000);
  reader.message(told);
  redis.release?.();
  await settled();
  expect(followed.view.instances.map(({ id }) => id)).toEqual(['a']);
  reader.close();
});

test('F54: a leave that is told while a snapshot is on its way is heard at once, and holds though no answer comes', async () => {
  const s = setup();
  s.begin('first');
  s.join('a');
  s.join('b');
  s.reader.ready(true, true);
  await s.clock.advance(0);
  s.redis.slow = true;
  await s.clock.advance(36_000);
  s.reader.message(s.leave('b'));
  expect(s.ids).toBe('a1');
  s.reader.lost('gone');
  expect(s.ids).toBe('a1');
  s.reader.close();
});

test('F10: a failover that nobody notices, and after which the same revisions are counted anew, hides nobody', async () => {
  const s = setup();
  s.begin('first');
  s.join('a');
  s.reader.ready(true, true);
  await s.clock.advance(0);
  s.reader.message(s.join('b'));
  s.lose('b');
  s.reader.message(s.join('c'));
  s.reader.message(s.join('b'));
  expect(s.ids).toBe('a1 b1');
  await s.clock.advance(36_000);
  expect(s.ids).toBe('a1 b1 c1');
  s.reader.close();
});
