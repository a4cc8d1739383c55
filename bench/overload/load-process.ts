import { setTimeout as delay } from 'node:timers/promises';
import { isMeshError } from '../../src/core/errors.ts';
import { createMesh, type ServiceOptions } from '../../src/index.ts';

/** So many calls a second, by chance, for so long. */
export interface Phase {
  readonly perSecond: number;
  readonly forMs: number;
}

/** Calls to make with a mesh of their own, each at its moment, however long the others take. */
export interface LoadOrder {
  readonly ports: readonly number[];
  readonly settings: ServiceOptions;
  readonly phases: readonly Phase[];
}

/** One call. */
export interface Told {
  /** Milliseconds after the phase began at which it was due. */
  readonly atMs: number;
  readonly outcome: 'good' | 'refused' | 'late' | 'failed';
  readonly tookMs: number;
  /** How much later than it was due it was made: how far this process did not keep up. */
  readonly madeLateMs: number;
}

process.on('message', (order: LoadOrder) => {
  void run(order).then((told) => process.send?.(told));
});
process.on('disconnect', () => process.exit());
process.send?.('ready');

/** The calls of each phase. */
async function run({ ports, settings, phases }: LoadOrder): Promise<Told[][]> {
  const mesh = createMesh({
    self: { service: 'bench' },
    opentelemetry: false,
    logger: false,
    registry: { players: ports.map((port) => `http://127.0.0.1:${port}`) },
    defaults: settings,
  });
  const players = mesh.client('players');
  const one = async (atMs: number, dueAt: number): Promise<Told> => {
    const madeAt = performance.now();
    const told = (outcome: Told['outcome']): Told => ({
      atMs,
      outcome,
      tookMs: performance.now() - dueAt,
      madeLateMs: madeAt - dueAt,
    });
    try {
      await players.get('/').json();
      return told('good');
    } catch (error) {
      const code = isMeshError(error) ? error.code : '';
      return told(code === 'MESH_REFUSED' ? 'refused' : code === 'MESH_DEADLINE' ? 'late' : 'failed');
    }
  };

  const made: Promise<Told>[][] = [];
  let phaseAt = performance.now();
  for (const { perSecond, forMs } of phases) {
    const calls: Promise<Told>[] = [];
    made.push(calls);
    const gapMs = () => (-1_000 / perSecond) * Math.log(1 - Math.random());
    for (let atMs = gapMs(); atMs < forMs; atMs += gapMs()) {
      const waitMs = phaseAt + atMs - performance.now();
      if (waitMs > 0) await delay(waitMs);
      calls.push(one(atMs, phaseAt + atMs));
    }
    phaseAt += forMs;
  }
  const told = await Promise.all(made.map((calls) => Promise.all(calls)));
  await mesh.close();
  return told;
}
