import { afterEach, describe, expect, test } from 'vitest';
import type { FollowedService } from '../../src/discovery/followed-service.ts';
import type { KeptView, LastViews, View, Watch } from '../../src/discovery/registry.ts';
import { Watches } from '../../src/discovery/watches.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { createScope, instanceOf } from './setup.ts';

const HOLD_MS = 25_000;
const GRACE_MS = 30_000;
const MINUTE_MS = 60_000;
const open: Watches[] = [];
afterEach(() => {
  for (const watches of open.splice(0)) watches.close();
});

const three = ['a', 'b', 'c'].map((id) => instanceOf({ id }));
const ids = ({ view }: Watch) => view.instances.map(({ id }) => id).join(' ');
const suspects = ({ view }: Watch) => [...view.suspects].join(' ');

/** A follower of players whose registry says what the test has it say, and what was kept of players by an earlier process. */
function follow(known: readonly (typeof three)[number][] | undefined | 'never told', ageMs = 3 * MINUTE_MS) {
  const clock = new ManualClock();
  const scope = createScope(clock);
  const saved: KeptView[] = [];
  let recalls = 0;
  const lastViews: LastViews = {
    patienceMs: 250,
    save: (view) => saved.push(view),
    async recall(registry, service) {
      recalls++;
      if (known === 'never told') return await new Promise(() => {});
      const savedAt = clock.wall() - ageMs;
      return known && { registry, service, savedAt, instances: known };
    },
  };
  let said: FollowedService | undefined;
  const watches = new Watches(
    { ...scope, lastViews },
    (followed) => {
      said = followed;
      return () => {};
    },
    { holdMs: HOLD_MS, graceMs: GRACE_MS, keptAs: 'test' },
  );
  open.push(watches);
  const views: View[] = [];
  const watch = watches.watch('players', (view) => views.push(view));
  if (said === undefined) throw new Error('nobody follows');
  return { watches, watch, clock, scope, saved, views, registry: said, recalls: () => recalls };
}

const snapshot = (instances: readonly (typeof three)[number][], revision = 1) =>
  ({ kind: 'snapshot', at: { epoch: 'e', revision }, instances }) as const;

describe('a view from an earlier process', () => {
  test('is not looked for while the registry answers in time', async () => {
    const { watch, clock, registry, recalls } = follow(three);
    await clock.advance(249);
    registry.apply(snapshot([instanceOf({ id: 'a' })]));
    await clock.advance(10 * MINUTE_MS);
    expect([ids(watch), suspects(watch), recalls()]).toEqual(['a', '', 0]);
  });

  test('F1: is used when the registry is out of reach, and the loss is told together with it', async () => {
    const { watch, clock, registry, views } = follow(three);
    registry.apply({ kind: 'lost', reason: 'ECONNREFUSED' });
    expect(watch.view.state).toBe('pending');
    await clock.advance(0);
    expect(views.map(({ state, instances }) => [state, instances.length])).toEqual([['stale', 3]]);
    expect([ids(watch), suspects(watch)]).toEqual(['a b c', 'a b c']);
    expect(watch.view.reason).toBe('ECONNREFUSED; from disk, 3 min old');
    expect(clock.now() - watch.view.asOf).toBe(3 * MINUTE_MS);
    registry.apply({ kind: 'lost', reason: 'ETIMEDOUT' });
    await clock.advance(9 * MINUTE_MS);
    registry.apply({ kind: 'lost', reason: 'ETIMEDOUT' });
    expect(watch.view.reason).toBe('ETIMEDOUT; from disk, 12 min old');
  });

  test('F1: is used when the registry is slow to answer', async () => {
    const { watch, clock } = follow(three, 30_000);
    await clock.advance(249);
    expect(watch.view.state).toBe('pending');
    await clock.advance(1);
    expect([ids(watch), watch.view.state]).toEqual(['a b c', 'stale']);
    expect(watch.view.reason).toBe('the registry has not answered yet; from disk, 30 s old');
  });

  test.each([
    ['there is none', undefined],
    ['it is empty', []],
  ])('F1: cannot help when %s: the loss is told at once', async (_why, known) => {
    const { watch, clock, registry } = follow(known);
    registry.apply({ kind: 'lost', reason: 'ECONNREFUSED' });
    await clock.advance(0);
    expect(watch.view).toMatchObject({ state: 'stale', reason: 'ECONNREFUSED', instances: [] });
  });

  test('F98: that the disk does not give within a second is not waited for', async () => {
    const { watch, clock, registry } = follow('never told');
    registry.apply({ kind: 'lost', reason: 'ECONNREFUSED' });
    await clock.advance(999);
    expect(watch.view.state).toBe('pending');
    await clock.advance(1);
    expect(watch.view).toMatchObject({ state: 'stale', reason: 'ECONNREFUSED', instances: [] });
  });

  test('that comes after the first answer changes nothing', async () => {
    const { watch, registry, clock } = follow(three);
    registry.apply({ kind: 'lost', reason: 'ECONNREFUSED' });
    registry.apply(snapshot([instanceOf({ id: 'd' })]));
    await clock.advance(0);
    expect([ids(watch), suspects(watch), watch.view.state]).toEqual(['d', '', 'current']);
  });

  async function recalled() {
    const all = follow(three);
    all.registry.apply({ kind: 'lost', reason: 'ECONNREFUSED' });
    await all.clock.advance(0);
    return all;
  }

  test('counts an id once that it holds twice', async () => {
    const { watch, clock, registry } = follow([
      instanceOf({ id: 'b' }),
      instanceOf({ id: 'a' }),
      instanceOf({ id: 'b' }),
    ]);
    registry.apply({ kind: 'lost', reason: 'ECONNREFUSED' });
    await clock.advance(0);
    expect(ids(watch)).toBe('a b');
  });

  test('F5: is not emptied by a registry that comes back empty, however long that lasts', async () => {
    const { watch, registry, clock } = await recalled();
    registry.apply(snapshot([]));
    await clock.advance(60 * MINUTE_MS);
    expect([ids(watch), suspects(watch), watch.view.state]).toEqual(['a b c', 'a b c', 'current']);
  });

  test('gives way to what the registry lists, after its owners had the time to come back', async () => {
    const { watch, registry, clock } = await recalled();
    registry.apply(snapshot([instanceOf({ id: 'a' })]));
    registry.apply({ kind: 'failed', id: 'b' });
    await clock.advance(HOLD_MS + GRACE_MS - 1);
    expect([ids(watch), suspects(watch)]).toEqual(['a b c', 'b c']);
    await clock.advance(1);
    expect([ids(watch), suspects(watch)]).toEqual(['a', '']);
  });

  test('loses who fails once its owners had the time to come back, and not while the registry is away', async () => {
    const { watch, registry, clock } = await recalled();
    registry.apply({ kind: 'failed', id: 'a' });
    registry.apply(snapshot([]));
    registry.apply({ kind: 'failed', id: 'a' });
    expect(ids(watch)).toBe('a b c');
    await clock.advance(HOLD_MS);
    registry.apply({ kind: 'failed', id: 'a' });
    expect(ids(watch)).toBe('b c');
  });

  test('F103: does not bring back an older generation, and gives way to a newer one', async () => {
    const { watch, registry } = await recalled();
    registry.apply({ kind: 'joined', instance: instanceOf({ id: 'a', generation: 0, port: 1 }) });
    registry.apply({ kind: 'joined', instance: instanceOf({ id: 'b', generation: 2, port: 2 }) });
    expect(watch.view.instances.map(({ port }) => port)).toEqual([8080, 2, 8080]);
  });

  test('F54: loses at once who leaves in its own words', async () => {
    const { watch, registry } = await recalled();
    for (const { id, generation } of three) registry.apply({ kind: 'left', id, generation });
    expect(ids(watch)).toBe('');
  });
});

describe('a view is kept', () => {
  const kept = ({ saved }: ReturnType<typeof follow>) =>
    saved.map(({ instances, savedAt }) => [instances.map(({ id }) => id).join(' '), savedAt]);

  test('when it changes, with the time at which the registry vouched for it', async () => {
    const all = follow(undefined);
    const { registry, clock } = all;
    const began = clock.wall();
    registry.apply(snapshot(three));
    await clock.advance(1_000);
    registry.apply({ kind: 'confirmed' });
    registry.apply(snapshot(three, 2));
    await clock.advance(1_000);
    registry.apply({ kind: 'left', id: 'b', generation: 1 });
    await clock.advance(0);
    expect(kept(all)).toEqual([
      ['a b c', began],
      ['a c', began + 2_000],
    ]);
  });

  test('every ten minutes or so anew while the registry vouches for it, with its own time when not', async () => {
    const all = follow(undefined);
    const { registry, clock, saved } = all;
    registry.apply(snapshot(three));
    for (let minute = 0; minute < 60; minute++) {
      registry.apply({ kind: 'confirmed' });
      await clock.advance(MINUTE_MS);
    }
    expect(saved.length).toBeGreaterThanOrEqual(5);
    expect(saved.length).toBeLessThanOrEqual(9);
    expect(clock.wall() - (saved.at(-1)?.savedAt ?? 0)).toBeLessThan(13 * MINUTE_MS);
    const { length } = saved;
    registry.apply({ kind: 'lost', reason: 'ECONNREFUSED' });
    await clock.advance(60 * MINUTE_MS);
    expect(saved.length).toBe(length);
  });

  test('with the time of its last word while the registry says nothing more', async () => {
    const all = follow(undefined);
    const began = all.clock.wall();
    all.registry.apply(snapshot(three));
    await all.clock.advance(60 * MINUTE_MS);
    expect(all.saved.length).toBeGreaterThan(1);
    expect(new Set(all.saved.map(({ savedAt }) => savedAt))).toEqual(new Set([began]));
  });

  test('neither before the registry has spoken, nor when it vouches for nobody in it, nor for a service that nobody knows', async () => {
    const all = follow(three);
    const { registry, clock } = all;
    registry.apply({ kind: 'lost', reason: 'ECONNREFUSED' });
    await clock.advance(0);
    registry.apply(snapshot([]));
    await clock.advance(60 * MINUTE_MS);
    expect(kept(all)).toEqual([]);
    registry.apply(snapshot([instanceOf({ id: 'a' })], 2));
    await clock.advance(0);
    expect(kept(all).map(([known]) => known)).toEqual(['a b c']);
    const nobody = follow(undefined);
    nobody.registry.apply(snapshot([]));
    await nobody.clock.advance(60 * MINUTE_MS);
    expect(kept(nobody)).toEqual([]);
  });

  test('as empty when the last one has left', async () => {
    const all = follow(undefined);
    all.registry.apply(snapshot([instanceOf({ id: 'a' })]));
    await all.clock.advance(0);
    all.registry.apply({ kind: 'left', id: 'a', generation: 1 });
    await all.clock.advance(0);
    expect(kept(all).map(([known]) => known)).toEqual(['a', '']);
  });

  test('without a timer that is left when nobody follows any more', async () => {
    const { watch, clock, registry } = follow(three);
    registry.apply({ kind: 'lost', reason: 'ECONNREFUSED' });
    watch.close();
    await clock.advance(0);
    expect(clock.pending).toBe(0);
  });
});
