import { SLOW_PHASE, STEADY_PHASE } from './phases.ts';
import type { Measured } from './stage.ts';
import type { PhaseRow } from './tally.ts';
import { integer, percent, seconds } from './words.ts';

/** What happened, in a few sentences for people. It says what is so, also when that is not what was hoped for. */
export function summary(rows: readonly PhaseRow[], total: PhaseRow, elapsedMs: number, measured: Measured): string {
  const { calls, failed, retries } = total;
  const where = rows.filter((row) => row.failed > 0).map((row) => `${row.failed} in "${row.phase}"`);
  const outcome = failed === 0 ? 'none failed' : `${integer(failed)} FAILED (${where.join(', ')})`;
  const slow = rows.find(({ phase }) => phase === SLOW_PHASE);
  const steady = rows.find(({ phase }) => phase === STEADY_PHASE);
  const slowest = rows.reduce((a, b) => (b.p99Ms > a.p99Ms ? b : a));
  const { registryAwayMs = 0, relistedMs = 0, joinedMs = 0 } = measured;
  return [
    `${integer(calls)} calls in ${seconds(elapsedMs)}: ${outcome}, ${integer(retries)} were sent again (${((100 * retries) / calls).toFixed(2)} %).`,
    `While p2 was 10 times slower its share went from ${percent(steady?.share['p2'])} to ${percent(slow?.share['p2'])}.`,
    `The registry was away for ${seconds(registryAwayMs)} and came back empty; all players were listed again after ${seconds(relistedMs)}.`,
    `p4 served its first call ${seconds(joinedMs)} after it was announced.`,
    `The highest p99 of a phase was ${slowest.p99Ms} ms ("${slowest.phase}").`,
  ].join('\n');
}
