import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { emptyMembership, type Membership, type MembershipEvent, viewOf } from '../../src/discovery/membership.ts';
import { nextTickAt, reduce } from '../../src/discovery/reduce.ts';
import type { Instance } from '../../src/discovery/registry.ts';
import { instanceOf } from './setup.ts';

const GRACE = 30_000;
const HOLD = 25_000;

/** A membership and a hand on its clock. */
function follow() {
  let state: Membership = emptyMembership();
  let now = 1_000_000;
  const apply = (event: MembershipEvent) => {
    state = reduce(state, event, now);
  };
  const list = (names: string, epoch = 'e', revision = 0) =>
    apply({ kind: 'snapshot', at: { epoch, revision }, instances: instances(names) });
  return {
    apply,
    list,
    /** Moves time on, and ticks whenever the reducer asked for it. */
    wait(ms: number) {
      const end = now + ms;
      for (let at = nextTickAt(state); at !== undefined && at <= end; at = nextTickAt(state)) {
        now = Math.max(now, at);
        const before = state;
        apply({ kind: 'tick', dueAt: at });
        if (before === state) break;
      }
      now = end;
    },
    /** Moves time on while nothing of this process runs. */
    sleep(ms: number) {
      now += ms;
    },
    get ids() {
      return viewOf(state)
        .instances.map(({ id }) => id)
        .join(' ');
    },
    get suspects() {
      return [...viewOf(state).suspects].sort().join(' ');
    },
    get view() {
      return viewOf(state);
    },
    get pending() {
      return nextTickAt(state);
    },
  };
}

/** `a b2` is a with generation 1 and b with generation 2. */
function instances(names: string): Instance[] {
  return names
    .split(' ')
    .filter(Boolean)
    .map((name) => {
      const [id = '', generation = '1'] = name.split(/(?<=\D)(?=\d)/);
      return instanceOf({ id, generation: Number(generation) });
    });
}

describe('the membership of a service', () => {
  test('is pending until the registry answers, and then what it lists', () => {
    const service = follow();
    expect(service.view).toMatchObject({ state: 'pending', instances: [], revision: 0 });
    service.list('b a');
    expect(service.view).toMatchObject({ state: 'current', reason: '' });
    expect(service.ids).toBe('a b');
  });

  test('keeps the object of an instance of which nothing new was said', () => {
    const service = follow();
    service.list('a b');
    const { view } = service;
    service.list('a b');
    expect(service.view.revision).toBe(view.revision);
    expect(service.view.instances).toEqual(view.instances);
    service.list('a b c');
    expect(service.view.instances[0]).toBe(view.instances[0]);
    service.apply({ kind: 'joined', instance: instanceOf({ id: 'a', weight: 2 }) });
    expect(service.view.instances[0]?.weight).toBe(2);
  });

  test('an instance that is not listed any more is suspect, and goes after the grace', () => {
    const service = follow();
    service.list('a b c');
    service.list('a b');
    expect([service.ids, service.suspects]).toEqual(['a b c', 'c']);
    service.wait(GRACE - 1);
    expect(service.ids).toBe('a b c');
    service.wait(1);
    expect([service.ids, service.suspects]).toEqual(['a b', '']);
    expect(service.pending).toBe(undefined);
  });

  test('F34: a suspect goes at its first failure; others do not go by failing', () => {
    const service = follow();
    service.list('a b c');
    service.apply({ kind: 'lapsed', id: 'c', generation: 1 });
    service.apply({ kind: 'failed', id: 'b' });
    service.apply({ kind: 'failed', id: 'nobody' });
    expect(service.ids).toBe('a b c');
    service.apply({ kind: 'failed', id: 'c' });
    expect(service.ids).toBe('a b');
  });

  test('F16: a suspect that answers calls stays; its grace begins anew with each answer', () => {
    const service = follow();
    service.list('a b c');
    service.list('a b');
    const due = service.pending ?? 0;
    service.sleep(GRACE);
    service.apply({ kind: 'tick', dueAt: due, answered: new Map([['c', due - 1_000]]) });
    expect([service.ids, service.suspects, service.pending]).toEqual(['a b c', 'c', due - 1_000 + GRACE]);
    service.sleep(GRACE - 1_000);
    service.apply({ kind: 'tick', dueAt: due - 1_000 + GRACE, answered: new Map([['c', due - 1_000]]) });
    expect(service.ids).toBe('a b');
  });

  test('a suspect that is listed again is live again', () => {
    const service = follow();
    service.list('a b c');
    service.list('a b');
    service.wait(GRACE - 1);
    service.list('a b c');
    service.wait(10 * GRACE);
    expect([service.ids, service.suspects]).toEqual(['a b c', '']);
  });

  test('a suspect whose owner tells of itself again is live again', () => {
    const service = follow();
    service.list('a b c');
    service.apply({ kind: 'lapsed', id: 'a', generation: 1 });
    expect(service.suspects).toBe('a');
    service.apply({ kind: 'joined', instance: instanceOf({ id: 'a', generation: 1 }) });
    expect(service.suspects).toBe('');
    service.wait(100 * GRACE);
    expect(service.ids).toBe('a b c');
  });

  test('of several suspects each goes when its own time has come', () => {
    const service = follow();
    service.list('a b c');
    service.apply({ kind: 'lapsed', id: 'a', generation: 1 });
    service.wait(10_000);
    service.apply({ kind: 'lapsed', id: 'b', generation: 1 });
    service.wait(GRACE - 10_000);
    expect(service.ids).toBe('b c');
    service.wait(10_000);
    expect(service.ids).toBe('c');
  });

  test('F3: while the registry is lost no time comes, and a tick that was on its way removes nobody', () => {
    const service = follow();
    service.list('a b c');
    service.apply({ kind: 'lapsed', id: 'a', generation: 1 });
    const due = service.pending ?? 0;
    service.apply({ kind: 'lost', reason: 'gone' });
    expect(service.pending).toBe(undefined);
    service.sleep(GRACE);
    service.apply({ kind: 'tick', dueAt: due });
    expect(service.ids).toBe('a b c');
  });

  test('F3: while the registry is lost nothing is removed, by time or by failure', () => {
    const service = follow();
    service.list('a b c');
    service.list('a b');
    service.apply({ kind: 'lost', reason: 'refused' });
    service.wait(100 * GRACE);
    service.apply({ kind: 'failed', id: 'c' });
    expect(service.view).toMatchObject({ state: 'stale', reason: 'refused' });
    expect([service.ids, service.suspects]).toEqual(['a b c', 'c']);
    service.list('a b');
    service.wait(HOLD + GRACE - 1);
    expect(service.ids).toBe('a b c');
    service.wait(1);
    expect(service.ids).toBe('a b');
  });

  test('F17: who is missing when the registry is back may be about to return, and does not go by a failure yet', () => {
    const service = follow();
    service.list('a b c');
    service.apply({ kind: 'lost', reason: 'refused' });
    service.list('a b');
    service.apply({ kind: 'failed', id: 'c' });
    expect(service.ids).toBe('a b c');
    service.wait(HOLD);
    service.apply({ kind: 'failed', id: 'c' });
    expect(service.ids).toBe('a b');
  });

  test('F5: an empty answer never empties a set, however often it comes and however long it lasts', () => {
    const service = follow();
    service.list('a b c d e');
    for (let i = 0; i < 100; i++) {
      service.list('', `epoch ${i}`);
      service.wait(GRACE);
    }
    expect([service.ids, service.suspects]).toEqual(['a b c d e', 'a b c d e']);
  });

  test('F19: when many vanish together nothing is removed until their owners had two beats to return', () => {
    const service = follow();
    service.list('a b c d e f g h i j');
    service.list('a b c d e f g h');
    service.apply({ kind: 'failed', id: 'i' });
    service.wait(HOLD - 1);
    service.apply({ kind: 'failed', id: 'i' });
    expect(service.ids).toBe('a b c d e f g h i j');
    service.wait(1);
    service.apply({ kind: 'failed', id: 'i' });
    expect(service.ids).toBe('a b c d e f g h j');
    service.wait(GRACE - 1);
    expect(service.ids).toBe('a b c d e f g h j');
    service.wait(1);
    expect(service.ids).toBe('a b c d e f g h');
  });

  test('leases that end one after the other are together too; a single one, or few of many, are not', () => {
    const together = follow();
    together.list('a b c d');
    together.apply({ kind: 'lapsed', id: 'a', generation: 1 });
    together.apply({ kind: 'lapsed', id: 'b', generation: 1 });
    together.apply({ kind: 'failed', id: 'a' });
    expect(together.ids).toBe('a b c d');
    const single = follow();
    single.list('a b c d');
    single.apply({ kind: 'lapsed', id: 'a', generation: 1 });
    single.apply({ kind: 'failed', id: 'a' });
    expect(single.ids).toBe('b c d');
    const few = follow();
    const many = Array.from({ length: 20 }, (_, i) => `${String.fromCharCode(97 + i)}`);
    few.list(many.join(' '));
    few.list(many.slice(3).join(' '));
    few.apply({ kind: 'failed', id: 'a' });
    expect(few.ids).toBe(many.slice(1).join(' '));
  });

  test('those that drain do not make two of a small set many', () => {
    const service = follow();
    service.list('a b c d e');
    for (const id of ['d', 'e']) service.apply({ kind: 'joined', instance: instanceOf({ id, status: 'draining' }) });
    for (const id of ['a', 'b']) service.apply({ kind: 'lapsed', id, generation: 1 });
    service.apply({ kind: 'failed', id: 'a' });
    expect(service.ids).toBe('b c');
  });

  test('F6: a new epoch, or a revision that goes backwards, holds removals', () => {
    for (const [epoch, revision] of [['other', 9] as const, ['e', 4] as const]) {
      const service = follow();
      service.list('a b c', 'e', 5);
      service.list('a b', epoch, revision);
      service.apply({ kind: 'failed', id: 'c' });
      expect(service.ids).toBe('a b c');
      service.wait(HOLD);
      service.apply({ kind: 'failed', id: 'c' });
      expect(service.ids).toBe('a b');
    }
  });

  test('F54: the word of an owner removes at once, whatever else holds, and even the last', () => {
    const service = follow();
    service.list('a b c d e');
    service.list('', 'other');
    service.apply({ kind: 'lost', reason: 'refused' });
    for (const id of ['a', 'b', 'c', 'd', 'e']) service.apply({ kind: 'left', id, generation: 1 });
    expect(service.ids).toBe('');
  });

  test('F23: who left does not come back by an older or equal generation, and does by a newer', () => {
    const service = follow();
    service.list('a b2');
    service.apply({ kind: 'left', id: 'b', generation: 2 });
    service.list('a b2');
    service.apply({ kind: 'joined', instance: instanceOf({ id: 'b', generation: 1 }) });
    expect(service.ids).toBe('a');
    service.list('a b3');
    expect(service.ids).toBe('a b');
    service.apply({ kind: 'left', id: 'b', generation: 2 });
    expect(service.ids).toBe('a b');
  });

  test('F23: an older generation never replaces a newer, and a lapse of the older says nothing of the newer', () => {
    const service = follow();
    service.list('a5 b');
    service.apply({ kind: 'joined', instance: instanceOf({ id: 'a', generation: 4 }) });
    service.apply({ kind: 'lapsed', id: 'a', generation: 4 });
    expect(service.suspects).toBe('');
    service.list('a4 b');
    expect(service.view.instances[0]?.generation).toBe(5);
    expect(service.suspects).toBe('a');
    service.list('a3 a6 a4 b');
    expect(service.view.instances[0]?.generation).toBe(6);
  });

  test('who drains or is out is not in the view, and comes back with the same generation', () => {
    const service = follow();
    service.list('a b');
    service.apply({ kind: 'joined', instance: instanceOf({ id: 'b', status: 'draining' }) });
    expect(service.ids).toBe('a');
    service.apply({ kind: 'joined', instance: instanceOf({ id: 'b', status: 'up' }) });
    expect(service.ids).toBe('a b');
  });

  test('the last that wants calls stays, even when one that drains is still listed', () => {
    const service = follow();
    service.list('a b');
    service.apply({ kind: 'joined', instance: instanceOf({ id: 'b', status: 'draining' }) });
    service.apply({ kind: 'lapsed', id: 'a', generation: 1 });
    service.wait(100 * GRACE);
    expect(service.ids).toBe('a');
  });

  test('F20: a process that slept through the grace gives the suspects time to be heard of again', () => {
    const service = follow();
    service.list('a b c');
    service.list('a b');
    const due = service.pending ?? 0;
    service.sleep(10 * GRACE);
    service.apply({ kind: 'tick', dueAt: due });
    expect(service.ids).toBe('a b c');
    service.wait(HOLD + GRACE);
    expect(service.ids).toBe('a b');
  });

  test('F54: all leave one after the other, and nobody is left', () => {
    const service = follow();
    service.list('a b c d e f');
    for (const id of ['a', 'b', 'c', 'd', 'e', 'f']) service.apply({ kind: 'left', id, generation: 1 });
    expect([service.ids, service.view.state]).toEqual(['', 'current']);
  });

  test('an order that is not that of the ids, and an id listed twice, make no difference', () => {
    const service = follow();
    service.list('c a2 b a1 a3');
    expect(service.view.instances.map(({ id, generation }) => `${id}${generation}`)).toEqual(['a3', 'b1', 'c1']);
    service.list('d b b a3');
    expect([service.ids, service.suspects]).toEqual(['a b c d', 'c']);
  });

  test('the memory of who left is bounded', () => {
    let state = emptyMembership();
    for (let i = 0; i < 5_000; i++) state = reduce(state, { kind: 'left', id: `id ${i}`, generation: 1 }, i);
    expect(state.floors.size).toBe(1_024);
  });
});

describe('whatever happens to a membership', () => {
  const id = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
  const generation = fc.integer({ min: 1, max: 3 });
  const status = fc.constantFrom('up', 'up', 'up', 'draining', 'out') as fc.Arbitrary<Instance['status']>;
  const instance = fc.record({ id, generation, status }).map((fields) => instanceOf(fields));
  const event: fc.Arbitrary<MembershipEvent> = fc.oneof(
    fc.record({
      kind: fc.constant('snapshot' as const),
      at: fc.record({ epoch: fc.constantFrom('', 'x', 'y'), revision: fc.integer({ min: 0, max: 3 }) }),
      instances: fc.array(instance, { maxLength: 8 }),
    }),
    fc.record({ kind: fc.constant('joined' as const), instance }),
    fc.record({ kind: fc.constant('left' as const), id, generation }),
    fc.record({ kind: fc.constant('lapsed' as const), id, generation }),
    fc.record({ kind: fc.constant('failed' as const), id }),
    fc.constant({ kind: 'lost' as const, reason: 'refused' }),
    fc.constant({ kind: 'confirmed' as const }),
    fc.constant({ kind: 'tick' as const, dueAt: Number.NaN }),
  );
  const schedule = fc.array(fc.tuple(event, fc.constantFrom(0, 1, 4_000, 25_000, 30_000, 100_000)), { maxLength: 60 });

  test('its promises hold', () => {
    fc.assert(
      fc.property(schedule, (steps) => {
        let state = emptyMembership();
        let now = 0;
        /** The lowest generation of each id that may still be seen. */
        const lowest = new Map<string, number>();
        for (const [given, pause] of steps) {
          now += pause;
          const happened = given.kind === 'tick' ? { ...given, dueAt: now } : given;
          const before = viewOf(state);
          const heldUntil = state.holdUntil;
          state = reduce(state, happened, now);
          const after = viewOf(state);
          const ids = after.instances.map((one) => one.id);

          expect(ids, 'sorted, none twice').toEqual([...new Set(ids)].sort());
          for (const suspect of after.suspects) expect(ids).toContain(suspect);
          expect(after.instances.every((one) => one.status === 'up')).toBe(true);
          expect(after.revision >= before.revision).toBe(true);
          if (after.revision === before.revision) expect({ ...after, asOf: 0 }).toEqual({ ...before, asOf: 0 });

          if (happened.kind === 'left') {
            lowest.set(happened.id, Math.max(lowest.get(happened.id) ?? 0, happened.generation + 1));
          }
          for (const one of after.instances) {
            expect(one.generation, 'an older generation never wins').toBeGreaterThanOrEqual(lowest.get(one.id) ?? 0);
            lowest.set(one.id, one.generation);
          }

          const gone = before.instances.filter((one) => !ids.includes(one.id)).map((one) => one.id);
          if (happened.kind === 'lost' || happened.kind === 'confirmed' || happened.kind === 'lapsed')
            expect(gone).toEqual([]);
          if (happened.kind === 'snapshot' && happened.instances.length === 0) expect(gone).toEqual([]);
          if (happened.kind === 'tick' && before.instances.length > 0) expect(ids.length).toBeGreaterThan(0);
          if (happened.kind === 'tick' || happened.kind === 'failed') {
            for (const one of gone) expect(before.suspects.has(one), 'only suspects go without a word').toBe(true);
            if (before.state !== 'current' || now < heldUntil) expect(gone).toEqual([]);
          }
          if (happened.kind === 'snapshot') {
            expect(after.state).toBe('current');
            const withdrawn = happened.instances.filter((one) => one.status !== 'up').map((one) => one.id);
            for (const one of gone) expect(withdrawn, 'only a listed change of status takes away').toContain(one);
          }
        }
      }),
      { numRuns: 3_000 },
    );
  });
});
