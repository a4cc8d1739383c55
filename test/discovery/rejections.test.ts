import { expect, test } from 'vitest';
import { Rejections } from '../../src/discovery/rejections.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { createScope } from './setup.ts';

function setup() {
  const clock = new ManualClock();
  const scope = createScope(clock);
  const rejections = new Rejections('test', scope);
  /** As a registry that lists so many records that are none; gives how many times that was said. */
  const look = (count: number) => {
    const before = scope.seen('rejected').length;
    for (let i = 0; i < count; i++) rejections.add('players', `p${i}`, 'json');
    return scope.seen('rejected').length - before;
  };
  const counted = () => scope.metrics.value('registry_rejected', { registry: 'test', reason: 'json' });
  return { clock, scope, rejections, look, counted };
}

test('each is counted every time, and said once for each reason', () => {
  const { rejections, look, counted } = setup();
  expect([look(3), look(3), counted()]).toEqual([3, 0, 6]);
  rejections.add('players', 'p0', 'port');
  rejections.add('teams', 'p0', 'json');
  expect(look(0)).toBe(0);
});

test('F100: of thousands no more than a thousand are said in an hour, however often they are looked at', async () => {
  const { clock, scope, look, counted } = setup();
  expect(look(5_000)).toBe(1_001);
  expect(scope.seen('rejected').at(-1)).toEqual({
    source: 'players',
    id: '',
    reason: 'more than 1,000 were rejected: for an hour, others are counted and not told',
  });
  for (let i = 0; i < 119; i++) {
    await clock.advance(30_000);
    expect(look(5_000)).toBe(0);
  }
  expect(counted()).toBe(5_000 * 120);
  await clock.advance(60_000);
  // Now it is the turn of others.
  expect([look(1_000), look(5_000)]).toEqual([0, 1_001]);
});

test('an id is shown up to a length, and what is longer counts as the same', () => {
  const { scope, rejections } = setup();
  for (const end of ['a', 'b']) rejections.add('players', `${'x'.repeat(100)}${end}`, 'id');
  expect(scope.seen('rejected').map(({ id }) => id)).toEqual(['x'.repeat(100)]);
});
