import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { MakePicker } from '../../src/balancer/picker.ts';
import { seededRandom } from '../../src/testing/entry.ts';
import { endpoint, endpoints, setup } from './node-setup.ts';

interface Traits {
  readonly make: MakePicker;
  /** How far the part that a node gets may be from what its weight says, relative to that; `none` for one that does not heed weights. */
  readonly weights: number | 'none';
  /** Whether it picks by what nodes have to do. */
  readonly compares?: boolean;
  /** Whether a table has to be made before the first pick by it. */
  readonly tables?: boolean;
}

/** So many that 1 % of the part of a node is more than four standard deviations of it. */
const MANY = 1_000_000;
/** Of a picker that does not heed weights: what nodes of one weight get. */
const EVEN = 0.01;

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

/** What holds for every picker. */
export function pickerContract(name: string, { make, weights, compares = false, tables = false }: Traits): void {
  const bound = weights === 'none' ? EVEN : weights;
  const ready = async (of: ReturnType<typeof endpoints>, seed?: number) => {
    const all = setup({ make, of, ...(seed !== undefined && { seed }) });
    all.pick();
    if (tables) for (let i = 0; i < 50; i++) await setImmediate();
    return all;
  };

  describe(name, () => {
    test('nobody is picked from an empty set, and the only one from a set of one, whatever its health', async () => {
      const none = await ready([]);
      expect(none.pick()).toBe(undefined);
      const one = await ready(endpoints(1));
      one.breakDown(one.at(0));
      expect(one.pick()).toBe(one.at(0));
    });

    test('nodes that are idle get what their weights say', async () => {
      const { shares } = await ready(endpoints(5));
      for (const share of shares(MANY)) expect(Math.abs(share * 5 - 1)).toBeLessThan(bound);
      if (weights === 'none') return;
      const unequal = await ready(endpoints(3, (i) => i + 1));
      for (const [i, share] of unequal.shares(MANY).entries())
        expect(Math.abs((share * 6) / (i + 1) - 1)).toBeLessThan(bound);
    }, 60_000);

    if (compares)
      test('the one with most to do is never picked: it is compared with another, not with itself', async () => {
        for (const count of [2, 3, 10]) {
          const { at, set, call, clock, shares } = await ready(endpoints(count));
          for (let i = 0; i < 3; i++) set.begin(at(0), call(), clock.now());
          expect(shares(2_000)[0]).toBe(0);
        }
      });

    test('one that is down is not picked while another is up, in sets of any size', async () => {
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 2, max: 40 }), fc.nat(), async (count, seed) => {
          const { at, set, breakDown, shares } = await ready(endpoints(count), seed);
          const up = seed % count;
          breakDown(...set.nodes.filter((node) => node !== at(up)));
          expect(shares(50)[up]).toBe(1);
        }),
        { numRuns: 30 },
      );
    });

    test('one that drains, and so left the set, is never picked again', async () => {
      const { at, set, pick, attempt, update } = await ready(endpoints(5));
      const gone = at(2);
      for (let i = 0; i < 20; i++) attempt(gone, 'success');
      update(endpoints(5).filter(({ id }) => id !== gone.endpoint.id));
      for (let i = 0; i < 500; i++) expect(pick()).not.toBe(gone);
      await setImmediate();
      for (let i = 0; i < 500; i++) expect(set.nodes).toContain(pick());
    });

    test('from a part of the set only those of it are picked, well as others may have answered', async () => {
      const { set, attempt, answer, call, clock } = await ready(endpoints(9));
      const parts = [set.nodes.slice(0, 3), set.nodes.slice(3)];
      // Those of the second part are so fast that each of them would be preferred.
      for (const [i, node] of set.nodes.entries()) await answer(node, i < 3 ? 100 : 1);
      for (let i = 0; i < 600; i++) {
        const part = parts[i % 2] ?? [];
        const node = set.picker.pick(part, call(), clock.now(), false);
        expect(part).toContain(node);
        if (node !== undefined && i % 3 === 0) attempt(node, 'success');
        if (i % 100 === 0) await setImmediate();
      }
    });

    test('each part of the set is shared out evenly, in whatever order calls come to the parts', async () => {
      const { set, call, clock } = await ready(endpoints(8));
      const parts = [set.nodes.slice(0, 3), set.nodes.slice(3)];
      const counts = new Map(set.nodes.map((node) => [node, 0]));
      const pickOf = (turn: number) => {
        const node = set.picker.pick(parts[turn] ?? [], call(), clock.now(), false);
        if (node !== undefined) counts.set(node, (counts.get(node) ?? 0) + 1);
      };
      const random = seededRandom(5);
      for (let i = 0; i < 10_000; i++) pickOf(i % 2);
      for (let i = 0; i < 10_000; i++) pickOf(random() < 0.5 ? 0 : 1);
      for (const part of parts)
        for (const node of part) {
          const share = (counts.get(node) ?? 0) / 10_000;
          // A third of ten thousand calls is known to about 1 %.
          expect(Math.abs(share * part.length - 1)).toBeLessThan(0.1 + bound);
        }
    });

    test('a retry goes to a node that the call has not tried, even to one that is down', async () => {
      const { at, set, call, clock, attempt, breakDown } = await ready(endpoints(3));
      const pick = (ctx: ReturnType<typeof call>) => set.picker.pick(set.nodes, ctx, clock.now(), set.panicking);
      // Of one that answered a picker may know all that it wants to, without a look at what speaks against it.
      for (const node of set.nodes) attempt(node, 'success');
      breakDown(at(2));
      for (let i = 0; i < 50; i++) {
        const once = call();
        once.fork(0).endpoint = at(0).endpoint;
        expect(pick(once.fork(0))).toBe(at(1));
      }
      const twice = call();
      twice.fork(0).endpoint = at(0).endpoint;
      twice.fork(0).endpoint = at(1).endpoint;
      expect(pick(twice.fork(0))).toBe(at(2));
    });

    test('one that is due for a probe gets one, of calls that can be sent again, and only one', async () => {
      const { at, set, call, clock, breakDown } = await ready(endpoints(4));
      breakDown(at(1));
      await clock.advance(7_000);
      const pickedFor = (idempotent: boolean) => {
        for (let i = 0; i < 1_000; i++) {
          const ctx = call(idempotent);
          if (set.picker.pick(set.nodes, ctx, clock.now(), set.panicking) === at(1)) return ctx;
        }
        return undefined;
      };
      expect(pickedFor(false)).toBe(undefined);
      const probe = pickedFor(true);
      expect(probe).not.toBe(undefined);
      if (probe !== undefined) set.begin(at(1), probe, clock.now());
      expect(pickedFor(true)).toBe(undefined);
    });

    test('where no call can be sent again, the first that comes ten seconds later is the probe', async () => {
      const { at, set, call, clock, breakDown } = await ready(endpoints(4));
      breakDown(at(1));
      const probed = () => {
        for (let i = 0; i < 1_000; i++) {
          const picked = set.picker.pick(set.nodes, call(false), clock.now(), set.panicking);
          if (picked === at(1)) return true;
        }
        return false;
      };
      // It rests for 5 s, give or take a fifth.
      await clock.advance(13_900);
      expect(probed()).toBe(false);
      await clock.advance(2_200);
      expect(probed()).toBe(true);
    });

    test('in panic health is not trusted and all are picked, but for those that cannot be reached', async () => {
      const { at, set, pick, attempt, breakDown } = await ready(endpoints(8));
      for (const node of set.nodes.slice(1, 6)) for (let i = 0; i < 5; i++) attempt(node, 'failure');
      breakDown(at(0));
      expect(set.panicking).toBe(true);
      const picked = new Set(Array.from({ length: 2_000 }, () => pick()));
      expect([picked.size, picked.has(at(0))]).toEqual([7, false]);
    });

    test('one in its slow start gets its part of the traffic from the beginning, and more as time goes by', async () => {
      const { pick, clock, update, shares } = await ready(endpoints(3));
      update(endpoints(4));
      pick();
      if (tables) for (let i = 0; i < 50; i++) await setImmediate();
      const share = () => shares(20_000)[3] ?? 0;
      const first = share();
      expect(first).toBeGreaterThan(0.015);
      expect(first).toBeLessThan(0.06);
      await clock.advance(5_000);
      const then = share();
      expect(then).toBeGreaterThan(first);
      await clock.advance(5_000);
      expect(share()).toBeGreaterThan(then);
      expect(Math.abs(share() * 4 - 1)).toBeLessThan(Math.max(0.04, bound));
    });

    test('a suspect is used once traffic has proved that it lives, and before that only if nobody else is there', async () => {
      const { set, at, clock, pick, shares } = await ready(endpoints(2));
      at(0).suspect = true;
      expect(shares(100)).toEqual([0, 1]);
      at(0).answered({ startedAt: clock.now() }, clock.now());
      expect(shares(1_000)[0]).toBeGreaterThan(0.3);
      await clock.advance(10_001);
      expect(shares(100)).toEqual([0, 1]);
      at(1).suspect = true;
      expect(set.nodes).toContain(pick());
    });

    test.each([2, 1])('of nodes that left, none is held beyond the next pick, with %i left', async (left) => {
      const { set, call, pick, attempt, update } = await ready(endpoints(6));
      // In functions of their own, since the frame of this one may hold what it once had in its hands.
      const use = (keys = true) => {
        for (let i = 0; i < 100; i++) {
          const ctx = call();
          if (!keys) ctx.hash = undefined;
          const node = pick(ctx);
          if (node !== undefined) attempt(node, 'success');
        }
      };
      const watch = () => set.nodes.slice(0, 5).map((node) => new WeakRef(node));
      use();
      use(false);
      const gone = watch();
      update([5, 6].slice(0, left).map((n) => endpoint(n)));
      use();
      if (tables) for (let i = 0; i < 50; i++) await setImmediate();
      use();
      await setImmediate();
      collect();
      expect(gone.map((ref) => ref.deref()?.endpoint.id)).toEqual(gone.map(() => undefined));
    });
  });
}
