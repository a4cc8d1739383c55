import type { Guard } from './guard.ts';

/** What keeps the set of instances right. */
export const discoveryGuards: readonly Guard[] = [
  {
    failure: 'F3',
    file: 'src/discovery/reduce.ts',
    guard: "const removable = known?.suspectAt !== undefined && state.state === 'current' && now >= state.holdUntil;",
    without: 'const removable = known?.suspectAt !== undefined;',
    test: 'test/discovery/membership.test.ts',
    name: 'F3: while the registry is lost',
  },
];
