import { expect, test } from 'vitest';
import { OwnState } from '../../src/discovery/own-state.ts';
import { createScope, instanceOf } from './setup.ts';

test('each change of an announcement is said once; fenced and left are final, and left wins', () => {
  const scope = createScope();
  const own = new OwnState(scope, instanceOf());
  expect(own.current).toBe('retrying');
  for (const [state, reason] of [
    ['retrying', 'refused'] as const,
    ['retrying', 'timed out'] as const,
    ['announced', ''] as const,
    ['announced', ''] as const,
    ['fenced', 'a newer process'] as const,
    ['retrying', 'refused'] as const,
    ['announced', ''] as const,
    ['left', 'withdrawn'] as const,
    ['fenced', 'a newer process'] as const,
    ['left', 'withdrawn'] as const,
  ])
    own.become(state, reason);
  expect([own.current, own.over]).toEqual(['left', true]);
  expect(scope.seen('announcement').map(({ state, reason }) => `${state} ${reason}`.trim())).toEqual([
    'retrying refused',
    'announced',
    'fenced a newer process',
    'left withdrawn',
  ]);
});

test.each(['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'])(
  'F57: an announcement under %s says that only this machine can call it',
  (host) => {
    const scope = createScope();
    const own = new OwnState(scope, instanceOf({ host }));
    own.become('retrying', 'refused');
    own.become('announced', '');
    expect(scope.seen('announcement').map(({ reason }) => reason)).toEqual([
      'refused',
      `under ${host}, which only this machine can call`,
    ]);
  },
);
