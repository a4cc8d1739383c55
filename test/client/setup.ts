import { createMesh, type Mesh, type MeshOptions, type ServiceOptions } from '../../src/index.ts';
import { closeServers } from '../support/servers.ts';

const meshes = new Set<Mesh>();

interface Setup extends ServiceOptions {
  readonly self?: MeshOptions['self'];
  readonly clock?: MeshOptions['clock'];
  readonly random?: MeshOptions['random'];
  readonly registry?: MeshOptions['registry'];
  readonly isService?: MeshOptions['isService'];
}

/**
 * A mesh that knows these servers as `players`. The first attempt of a call goes to the first of them, which weighs most; and retries do
 * not wait.
 */
export function meshOver(
  servers: readonly { readonly url: string }[],
  { self = { service: 'teams' }, clock, random, registry, isService, ...defaults }: Setup = {},
): Mesh {
  const mesh = createMesh({
    self,
    registry: registry ?? { players: servers.map(({ url }, i) => ({ url, weight: i === 0 ? 1_000 : 0.001 })) },
    logger: false,
    clock,
    random,
    isService,
    defaults: { retry: { baseMs: 0, maxMs: 0 }, ...defaults },
  });
  meshes.add(mesh);
  return mesh;
}

/** All that may stand around a call, set so that it changes nothing: clients are to notice none of it. */
export const aroundCalls: ServiceOptions = {
  fallback: { service: 'nobody', answer: () => undefined },
  bulkhead: { by: () => 'all', max: 1_000 },
  queue: {},
  fault: { delayMs: 1, delayRatio: 0 },
  mirror: { service: 'nobody', ratio: 0 },
};

/** Closes all that a test opened. */
export async function closeAll(): Promise<void> {
  await Promise.all([...meshes].map((mesh) => mesh.close()));
  meshes.clear();
  await closeServers();
}

/** What a promise was rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it was not rejected');
}

/** The sum of a counter over all of its labels that fit. */
export function counted(mesh: Mesh, name: string, labels: Readonly<Record<string, string>> = {}): number {
  return mesh
    .metrics()
    .filter((one) => one.name === name && Object.entries(labels).every(([key, value]) => one.labels[key] === value))
    .reduce((sum, one) => sum + (one.kind === 'histogram' ? 0 : one.value), 0);
}
