import fc from 'fast-check';
import { expect, test } from 'vitest';
import { allTogether } from '../../src/discovery/compose/all-together.ts';
import type { Combine } from '../../src/discovery/compose/combination.ts';
import { Combined } from '../../src/discovery/compose/combined.ts';
import { firstThatKnows } from '../../src/discovery/compose/first-that-knows.ts';
import { combineNames } from '../../src/discovery/delegation/combine-names.ts';
import { compileRules, type NameRules } from '../../src/discovery/delegation/name-rules.ts';
import { stepsOf } from '../../src/discovery/delegation/name-step.ts';
import { endsOf, expandName } from '../../src/discovery/delegation/name-tree.ts';
import type { View } from '../../src/discovery/registry.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { settled } from '../support/harness.ts';
import { createScope, instanceOf } from './setup.ts';

const IDS = ['a', 'b', 'c', 'd'];

const member = fc.record({
  id: fc.constantFrom(...IDS),
  generation: fc.integer({ min: 1, max: 3 }),
  suspect: fc.boolean(),
});

/** What a registry may say of a service. */
const view: fc.Arbitrary<View> = fc
  .record({
    state: fc.constantFrom('pending' as const, 'current' as const, 'stale' as const),
    members: fc.uniqueArray(member, { selector: ({ id }) => id, maxLength: 4 }),
    asOf: fc.integer({ min: 0, max: 9 }),
  })
  .map(({ state, members, asOf }) => {
    const listed = state === 'pending' ? [] : members.toSorted((a, b) => (a.id < b.id ? -1 : 1));
    return {
      state,
      instances: listed.map(({ id, generation }) => instanceOf({ id, generation })),
      suspects: new Set(listed.filter(({ suspect }) => suspect).map(({ id }) => id)),
      revision: 1,
      asOf: state === 'pending' ? Number.NaN : asOf,
      reason: state === 'current' ? '' : state,
    };
  });
const views = fc.array(view, { minLength: 1, maxLength: 4 });
const namesOf = (all: readonly unknown[]) => all.map((_, i) => `r${i}`);
const knows = ({ instances }: View) => instances.length > 0;

test('in order: the model is the first that has somebody, unless one before it is waited for', () => {
  fc.assert(
    fc.property(views, fc.boolean(), (all, patient) => {
      const made = firstThatKnows(namesOf(all))(all, patient);
      const first = all.findIndex(knows);
      const before = first < 0 ? all : all.slice(0, first);
      if (first < 0 || (patient && before.some(({ state }) => state === 'pending'))) {
        expect(made.instances).toEqual([]);
        const pending = before.some(({ state }) => state === 'pending');
        const away = before.some(({ state }) => state === 'stale');
        expect(made.state).toBe(pending ? 'pending' : away ? 'stale' : 'current');
      } else {
        expect([made.instances, made.suspects, made.asOf]).toEqual([
          all[first]?.instances,
          all[first]?.suspects,
          all[first]?.asOf,
        ]);
        expect(made.state).toBe(
          all.slice(0, first + 1).every(({ state }) => state === 'current') ? 'current' : 'stale',
        );
      }
    }),
  );
});

test('merged: the model is, for each id, the newest generation that anybody lists', () => {
  fc.assert(
    fc.property(views, fc.boolean(), (all, patient) => {
      const made = allTogether(namesOf(all))(all, patient);
      if (!all.some(knows) || (patient && all.some(({ state }) => state === 'pending'))) {
        expect(made.instances).toEqual([]);
        return;
      }
      const wanted = IDS.flatMap((id) => {
        const listed = all.flatMap((one) =>
          one.instances
            .filter((instance) => instance.id === id)
            .map((instance) => ({ instance, suspect: one.suspects.has(id) })),
        );
        const newest = Math.max(...listed.map(({ instance }) => instance.generation));
        const best = listed.filter(({ instance }) => instance.generation === newest);
        return best.length === 0
          ? []
          : [{ instance: best[0]?.instance, suspect: best.every(({ suspect }) => suspect) }];
      });
      expect(made.instances).toEqual(wanted.map(({ instance }) => instance));
      expect([...made.suspects].sort()).toEqual(
        wanted.filter((one) => one.suspect).map(({ instance }) => instance?.id),
      );
      expect(made.state).toBe(all.every(({ state }) => state === 'current') ? 'current' : 'stale');
    }),
  );
});

test.each<[name: string, combine: (names: readonly string[]) => Combine]>([
  ['in order', firstThatKnows],
  ['merged', allTogether],
])('%s: what is combined is never empty while one of them has somebody and none is waited for', (_, combine) => {
  fc.assert(
    fc.property(views, (all) => {
      const made = combine(namesOf(all))(all, false);
      expect(made.instances.length > 0).toBe(all.some(knows));
      expect(made.reason === '').toBe(made.state === 'current');
      for (const id of made.suspects) expect(made.instances.some((instance) => instance.id === id)).toBe(true);
      expect(made.instances.map(({ id }) => id)).toEqual(made.instances.map(({ id }) => id).toSorted());
    }),
  );
});

test.each<[name: string, combine: (names: readonly string[]) => Combine]>([
  ['in order', firstThatKnows],
  ['merged', allTogether],
])(
  '%s: a combined view is right at once, its revision grows with each change only, and each is told once',
  async (_, combine) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ part: fc.nat({ max: 2 }), said: view, wait: fc.boolean() }), { maxLength: 12 }),
        async (steps) => {
          const clock = new ManualClock();
          const parts: View[] = namesOf([0, 1, 2]).map(() => ({
            state: 'pending',
            instances: [],
            suspects: new Set(),
            revision: 0,
            asOf: Number.NaN,
            reason: 'pending',
          }));
          const listeners: ((said: View) => void)[] = [];
          const made = new Combined({
            service: 'players',
            scope: createScope(clock),
            sources: namesOf(parts).map((name, i) => ({
              name,
              open: (listener) => {
                listeners[i] = listener;
                return {
                  get view() {
                    return parts[i] as View; // there are three
                  },
                  failed: () => {},
                  close: () => {},
                };
              },
            })),
            combine: combine(namesOf(parts)),
            patienceMs: 50,
            told: () => true,
          });
          await clock.advance(60);
          const told: View[] = [];
          made.listen((one) => told.push(one));
          let before = made.view;
          for (const { part, said, wait } of steps) {
            parts[part] = said;
            listeners[part]?.(said);
            const { revision, ...now } = made.view;
            expect(now).toMatchObject(combine(namesOf(parts))(parts, false));
            const changed =
              now.state !== before.state ||
              now.reason !== before.reason ||
              String(now.instances.map(({ id, generation }) => id + generation)) !==
                String(before.instances.map(({ id, generation }) => id + generation)) ||
              String([...now.suspects].sort()) !== String([...before.suspects].sort());
            if (changed) expect(revision).toBeGreaterThan(before.revision);
            before = made.view;
            if (wait) await settled();
          }
          await settled();
          if (told.length > 0) expect(told.at(-1)?.revision).toBe(made.view.revision);
          const revisions = told.map(({ revision }) => revision);
          expect(revisions).toEqual([...new Set(revisions)].sort((x, y) => x - y));
          made.close();
          expect(clock.pending).toBe(0);
        },
      ),
      { numRuns: 200 },
    );
  },
);

const NAMES = ['p', 'q', 'r', 's', 't'];
const name = fc.constantFrom(...NAMES);
const weights = fc.dictionary(name, fc.integer({ min: 0, max: 9 }), { minKeys: 1, maxKeys: 4 });
const rules: fc.Arbitrary<NameRules> = fc.dictionary(
  fc.constantFrom(...NAMES, '*', 'p*'),
  fc.oneof(
    name,
    weights.filter((all) => Object.values(all).some((weight) => weight > 0)),
    fc.array(
      fc.oneof(
        name,
        weights.filter((all) => Object.values(all).some((weight) => weight > 0)),
      ),
      { minLength: 1, maxLength: 3 },
    ),
  ),
  { maxKeys: 5 },
);

test('whatever the rules, a name leads somewhere: shares are 1 together, and somebody is found when a way that is open has somebody', () => {
  fc.assert(
    fc.property(rules, name, fc.array(view, { minLength: 5, maxLength: 5 }), (given, called, all) => {
      const { tree } = expandName(called, compileRules('names', given));
      const services = [...new Set(endsOf(tree).flatMap((end) => (end.kind === 'service' ? [end.name] : [])))];
      const seen = services.map((service) => all[NAMES.indexOf(service)] as View); // each has one
      const matches = () => true;
      const made = combineNames(tree, services, matches)(seen, false);
      if (made.groups !== undefined) {
        expect(made.groups.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1);
        expect(made.groups.flatMap(({ instances }) => instances).length).toBe(made.instances.length);
      }
      expect(new Set(made.instances.map(({ id }) => id)).size).toBe(made.instances.length);
      const { share, next } = stepsOf(tree, { services, views: seen, patient: false, matches });
      expect(share).toBe(1);
      const sum = next.reduce((total, step) => total + step.share, 0);
      if (next.length > 0) expect(sum).toBeCloseTo(made.instances.length > 0 ? 1 : 0);
      for (const id of made.instances.map((instance) => instance.id)) expect(made.origin?.(id)).toBeDefined();
    }),
    { numRuns: 1_000 },
  );
});
