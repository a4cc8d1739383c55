import { createMesh, type Mesh, type MeshOptions } from '../../src/index.ts';

const closing: (() => unknown)[] = [];

/** Calls `close` after the test. */
export function atEnd(close: () => unknown): void {
  closing.push(close);
}

/** For `afterEach`. */
export async function endAll(): Promise<void> {
  for (const close of closing.splice(0)) await close();
}

/** A mesh that knows nobody and says nothing unless it is told to, and is closed after the test. */
export function mesh(options: Partial<MeshOptions> = {}): Mesh {
  const made = createMesh({ self: { service: 'teams' }, registry: {}, logger: false, ...options });
  atEnd(() => made.close());
  return made;
}
