import { setTimeout as delay } from 'node:timers/promises';
import { isMeshError } from '../../src/core/errors.ts';
import type { BalancerOptions } from '../../src/index.ts';
import { createMesh, type Mesh } from '../../src/mesh.ts';
import { quantile } from '../figures.ts';
import type { PlannedCall } from '../sim/calls.ts';
import { type Summary, Tally } from '../sim/tally.ts';

/** Calls to make, each at its moment, however long the others take. */
export interface ClientOrder {
  readonly balancer: BalancerOptions;
  /** Each with a mesh of its own, and so with connections of its own and knowing nothing of what others know. */
  readonly clients: number;
  readonly ports: readonly number[];
  readonly calls: readonly PlannedCall[];
  readonly deadlineMs: number;
}

/** What came of them. */
export interface Called extends Summary {
  /** Requests sent to each port. */
  readonly requests: readonly number[];
  /** How late calls were made that were due, 99th percentile: how far this process could not keep up. */
  readonly lateMs: number;
}

process.on('message', (order: ClientOrder) => {
  void call(order).then((called) => process.send?.(called));
});
process.on('disconnect', () => process.exit());
process.send?.('ready');

async function call({ balancer, clients, ports, calls, deadlineMs }: ClientOrder): Promise<Called> {
  const meshes = Array.from({ length: clients }, () =>
    createMesh({
      self: { service: 'bench' },
      opentelemetry: false,
      logger: false,
      registry: { players: ports.map((port) => `http://127.0.0.1:${port}`) },
      // Only what the simulator has: balancing with health, and a deadline.
      defaults: { balancer, deadlineMs, attemptTimeoutMs: false, retry: false, breaker: false, concurrency: false },
    }),
  );
  const players = meshes.map((mesh) => mesh.client('players'));
  const tally = new Tally();
  const one = async ({ client, workMs }: PlannedCall) => {
    const madeAt = performance.now();
    try {
      await players[client]?.get(`/?ms=${workMs}`).json();
      tally.add('success', performance.now() - madeAt);
    } catch (error) {
      if (isMeshError(error) && error.code === 'MESH_DEADLINE') tally.add('timeout', deadlineMs);
      else tally.add('failure', Number.NaN);
    }
  };
  const late: number[] = [];
  const made: Promise<void>[] = [];
  const startedAt = performance.now();
  for (const planned of calls) {
    const { atMs } = planned;
    const waitMs = startedAt + atMs - performance.now();
    if (waitMs > 0) await delay(waitMs);
    late.push(performance.now() - startedAt - atMs);
    made.push(one(planned));
  }
  await Promise.all(made);
  const requests = ports.map((port) => meshes.reduce((sum, mesh) => sum + attemptsAt(mesh, `127.0.0.1:${port}`), 0));
  await Promise.all(meshes.map((mesh) => mesh.close()));
  return { ...tally.summary(), sent: requests.reduce((a, b) => a + b, 0), requests, lateMs: quantile(late, 0.99) };
}

function attemptsAt(mesh: Mesh, endpoint: string): number {
  let sum = 0;
  for (const reading of mesh.metrics())
    if (reading.kind === 'counter' && reading.name === 'attempts' && reading.labels['endpoint'] === endpoint)
      sum += reading.value;
  return sum;
}
