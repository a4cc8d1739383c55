import { setTimeout as delay } from 'node:timers/promises';
import { createMesh } from 'heddle';

/** Resolves when a mesh that is made now, and so knows only what the registry says, finds `count` players. */
export async function newcomerFinds(count: number, registry: string, signal: AbortSignal): Promise<void> {
  const mesh = createMesh({ self: { service: 'newcomer' }, registry, logger: false });
  try {
    while (mesh.explain('players').endpoints.length < count) await delay(25, undefined, { signal });
  } finally {
    await mesh.close();
  }
}
