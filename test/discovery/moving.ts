import { subscribe } from 'node:diagnostics_channel';
import type { ManualClock } from '../../src/testing/manual-clock.ts';
import { eventually } from './setup.ts';

/** An answer that stays away for longer is kept back by the test. */
const ON_ITS_WAY_MS = 200;
/** Well below the limits of a question, so that what happens between two looks never takes one up. */
const MAX_STEP_MS = 1_000;

/** The questions of this process that have no answer yet, with the moment at which they were asked. */
const asked = new Map<object, number>();
const requestOf = (message: unknown) => (message as { readonly request: object }).request; // as Node documents these channels
subscribe('http.client.request.start', (message) => asked.set(requestOf(message), performance.now()));
for (const end of ['http.client.response.finish', 'http.client.request.error'])
  subscribe(end, (message) => asked.delete(requestOf(message)));

/**
 * Moves a clock, a step per look, until something holds that a real server has a part in. The clock stands while an answer is on its way: a
 * machine that is busy must not use up the limits of time that the test plays.
 */
export function movingWith(clock: ManualClock) {
  return (stepMs: number, holds: () => boolean, show?: () => unknown): Promise<void> =>
    eventually(() => {
      const now = performance.now();
      const awaited = [...asked.values()].some((since) => now - since < ON_ITS_WAY_MS);
      if (!awaited) void clock.advance(Math.min(stepMs, MAX_STEP_MS));
      return holds();
    }, show);
}
