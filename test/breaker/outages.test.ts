import { expect, test } from 'vitest';
import { Outages } from '../../src/breaker/outages.ts';
import { Events } from '../../src/core/events.ts';
import { ManualClock } from '../../src/testing/entry.ts';

function setup() {
  const clock = new ManualClock();
  const events = new Events();
  const seen: string[] = [];
  events.on('breaker', ({ service, state, cause, trips }) => seen.push(`${service} ${state} ${cause} ${trips}`));
  const told = () => seen.splice(0);
  return { clock, outages: new Outages(clock, events), told };
}

test('several breakers of a service are one outage, from the first that opens to the last that closes', () => {
  const { outages, told } = setup();
  outages.opened('players', 'failures', 'r');
  outages.opened('players', 'failures', 'r');
  outages.goesOn('players', 'failures');
  outages.closed('players', 'failures', 'r');
  expect(told()).toEqual(['players open failures 1']);
  outages.closed('players', 'failures', 'r');
  expect(told()).toEqual(['players closed failures 3']);
});

test('one that opens again within a minute is the same outage, and its count goes on', async () => {
  const { outages, told, clock } = setup();
  for (const waitMs of [59_999, 60_000, 0]) {
    outages.opened('players', 'failures', 'r');
    outages.closed('players', 'failures', 'r');
    await clock.advance(waitMs);
  }
  expect(told()).toEqual([
    'players open failures 1',
    'players closed failures 1',
    'players open failures 2',
    'players closed failures 2',
    'players open failures 1',
    'players closed failures 1',
  ]);
});

test('another cause, or another service, is another outage', () => {
  const { outages, told } = setup();
  outages.opened('players', 'failures', 'r');
  outages.opened('players', 'slow', 'r');
  outages.opened('referees', 'failures', 'r');
  expect(told()).toEqual(['players open failures 1', 'players open slow 1', 'referees open failures 1']);
});

test('a breaker that is gone while it is open ends no outage with a word, and keeps none open', async () => {
  const { outages, told, clock } = setup();
  outages.opened('players', 'failures', 'r');
  outages.left('players', 'failures');
  outages.left('players', 'failures');
  outages.closed('players', 'failures', 'r');
  await clock.advance(60_000);
  outages.opened('players', 'failures', 'r');
  expect(told()).toEqual(['players open failures 1', 'players open failures 1']);
});

test('of services that come and go only a thousand are remembered, and those that are open', () => {
  const { outages, told } = setup();
  outages.opened('kept', 'failures', 'r');
  for (let i = 0; i < 5_000; i++) {
    outages.opened(`s${i}`, 'failures', 'r');
    outages.closed(`s${i}`, 'failures', 'r');
  }
  told();
  outages.opened('s0', 'failures', 'r');
  outages.opened('s4999', 'failures', 'r');
  outages.closed('kept', 'failures', 'r');
  expect(told()).toEqual(['s0 open failures 1', 's4999 open failures 2', 'kept closed failures 1']);
});
