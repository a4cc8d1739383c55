import type { Guard } from './guard.ts';

const REDUCE = 'src/discovery/reduce.ts';
const UNIT = 'test/discovery/membership.test.ts';
const SCHEDULES = 'test/discovery/membership-schedules.test.ts';

/** What keeps the set of instances right. */
export const discoveryGuards: readonly Guard[] = [
  {
    failure: 'F3',
    file: REDUCE,
    guard: "const removable = known?.suspectAt !== undefined && state.state === 'current' && now >= state.holdUntil;",
    without: 'const removable = known?.suspectAt !== undefined;',
    test: UNIT,
    name: 'F3: while the registry is lost',
  },
  {
    failure: 'F5',
    file: REDUCE,
    guard: "if (state.state !== 'current' || !state.members.some(certain)) return state;",
    without: '',
    test: UNIT,
    name: 'its promises hold',
  },
  {
    failure: 'F6',
    file: REDUCE,
    guard: 'const hold = reset || ',
    without: 'const hold = ',
    test: UNIT,
    name: 'F6: a new epoch, or a revision that goes backwards',
  },
  {
    failure: 'F6',
    file: 'src/discovery/view-change.ts',
    guard: 'if (manyDoubted(after) && !manyDoubted(before))',
    without: 'if (false)',
    test: 'test/discovery/followed-service.test.ts',
    name: 'F6: that many are in doubt together',
  },
  {
    failure: 'F16',
    file: REDUCE,
    guard: 'return expired(heardOf(state, event.answered), now);',
    without: 'return expired(state, now);',
    test: SCHEDULES,
    name: 'whatever happens',
  },
  {
    failure: 'F16',
    file: 'src/client/target.ts',
    guard: 'this.#apply(view), this.nodes)',
    without: 'this.#apply(view))',
    test: 'test/client/suspects.test.ts',
    name: 'F16: a suspect that answers',
  },
  {
    failure: 'F17',
    file: REDUCE,
    guard: "state.state === 'stale' || (vanished",
    without: '(vanished',
    test: UNIT,
    name: 'F17: who is missing when the registry is back',
  },
  {
    failure: 'F19',
    file: REDUCE,
    guard: '(vanished && vanishedTogether(members))',
    without: 'false',
    test: UNIT,
    name: 'F19: when many vanish together',
  },
  {
    failure: 'F20',
    file: REDUCE,
    guard: 'if (now - event.dueAt > ASLEEP_MS) return { ...state, holdUntil: now + state.timing.holdMs };',
    without: '',
    test: UNIT,
    name: 'F20: a process that slept',
  },
  {
    failure: 'F23',
    file: REDUCE,
    guard: 'if (instance.generation < known.instance.generation) return undefined;',
    without: '',
    test: SCHEDULES,
    name: 'whatever happens',
  },
  {
    failure: 'F23',
    file: REDUCE,
    guard: 'if (instance.generation < (state.floors.get(instance.id) ?? Number.NEGATIVE_INFINITY)) return undefined;',
    without: '',
    test: SCHEDULES,
    name: 'whatever happens',
  },
  {
    failure: 'F54',
    file: REDUCE,
    guard: 'gone ? without(next, [known]) : next',
    without: 'gone && next.members.filter(certain).length > 1 ? without(next, [known]) : next',
    test: UNIT,
    name: 'F54: ',
  },
  {
    failure: 'F58',
    file: 'src/core/turns.ts',
    guard: 'return this.#clock.now() - this.#since >= SLICE_MS;',
    without: 'return false;',
    test: 'test/discovery/snapshot-reply.test.ts',
    name: 'F58: a large answer',
  },
];
