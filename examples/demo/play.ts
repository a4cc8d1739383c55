import { Cast } from './cast.ts';
import type { DemoRegistry } from './demo-registry.ts';
import { Patience } from './patience.ts';
import { firstPlayers, phases } from './phases.ts';
import type { Scene, View } from './scene.ts';
import { type Measured, Stage } from './stage.ts';
import type { PhaseRow } from './tally.ts';

const TICK_MS = 250;

/** What the demo came to. */
export interface Outcome {
  readonly rows: readonly PhaseRow[];
  readonly total: PhaseRow;
  /** Failed calls by what the caller was told. */
  readonly failures: ReadonlyMap<string, number>;
  readonly elapsedMs: number;
  readonly measured: Measured;
  /** Why not everything was played. */
  readonly broken: Error | undefined;
}

/**
 * Plays all phases with processes of their own, none of which is left when it resolves. It breaks off when something cannot be played, and
 * with the reason of `ending`, which is aborted as well when a process crashes. Never rejects.
 */
export async function play(registry: DemoRegistry, view: View, ending: AbortController): Promise<Outcome> {
  const startedAt = performance.now();
  const elapsed = () => performance.now() - startedAt;
  let begun = 0;
  const rows = () => phases.slice(0, begun).map(({ title }, phase) => cast.tally.row(phase, title));
  const scene = (): Scene => ({
    registry: registry.url,
    elapsedMs: elapsed(),
    rows: rows(),
    toCome: phases.slice(begun).map(({ title }) => title),
    lastSecond: cast.tally.lastSecond(),
    health: cast.health,
  });
  let over = false;
  const say = (text: string) => {
    if (!over) view.said(text, scene());
  };
  const cast = new Cast(registry.url, say, (error) => ending.abort(error));
  const patience = new Patience(ending.signal);
  const stage = new Stage(cast, registry, patience, say);

  const killAll = () => cast.killAll();
  process.once('exit', killAll);
  const ticks = setInterval(() => {
    if (!over) view.tick(scene());
  }, TICK_MS);
  let broken: Error | undefined;
  try {
    const load = await stage.open(firstPlayers);
    for (const phase of phases) {
      load.order({ kind: 'phase', phase: begun });
      begun++;
      view.phase(scene());
      await phase.play(stage);
    }
    load.order({ kind: 'stop' });
    await patience.for('the load did not end', () => load.ended);
    over = true;
    await patience.for('the services did not end after SIGTERM', () => cast.endAll());
  } catch (error) {
    broken = error instanceof Error ? error : new Error(String(error));
  }
  clearInterval(ticks);
  killAll();
  await cast.allEnded();
  process.off('exit', killAll);
  const { tally } = cast;
  const { measured } = stage;
  return { rows: rows(), total: tally.total(), failures: tally.failures, elapsedMs: elapsed(), measured, broken };
}
