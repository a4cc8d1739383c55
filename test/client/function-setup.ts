import { afterEach } from 'vitest';
import type { Attempt, MeshEvents, MeshOptions, SendOptions } from '../../src/index.ts';
import { createMesh, type Mesh } from '../../src/index.ts';
import { ManualClock, seededRandom } from '../../src/testing/entry.ts';

/** One send that waits for the test to settle it. */
interface Sent<Req, Res> {
  readonly request: Req;
  readonly attempt: Attempt;
  readonly resolve: (response: Res) => void;
  readonly reject: (error: unknown) => void;
}

const meshes: Mesh[] = [];
afterEach(() => Promise.all(meshes.splice(0).map((mesh) => mesh.close())));

/** A function that calls `ledger`, whose sends the test settles, in time that the test moves. `archive` is another service. */
export function functionSetup<Req, Res>(options?: SendOptions<Req, Res>, of: Partial<MeshOptions> = {}) {
  const clock = new ManualClock();
  const mesh = createMesh({
    self: { service: 'teams' },
    registry: { ledger: ['http://10.0.0.1:5432', 'http://10.0.0.2:5432'], archive: ['http://10.0.1.1:5432'] },
    logger: false,
    opentelemetry: false,
    clock,
    random: seededRandom(1),
    ...of,
  });
  meshes.push(mesh);
  const sent: Sent<Req, Res>[] = [];
  const freed: Res[] = [];
  const ask = mesh.service<Req, Res>(
    'ledger',
    (request, attempt) => new Promise((resolve, reject) => sent.push({ request, attempt, resolve, reject })),
    { discard: (response) => freed.push(response), ...options },
  );
  const call = (...given: Parameters<typeof ask>) => {
    const reply = ask(...given);
    // A test looks at a reply when it comes to it, which may be after it failed.
    reply.catch(() => {});
    return reply;
  };
  const next = () => {
    const one = sent.shift();
    if (one === undefined) throw new Error('nothing was sent');
    return one;
  };
  const faults: MeshEvents['fault'][] = [];
  mesh.on('fault', (fault) => faults.push(fault));
  return { clock, mesh, call, sent, next, freed, faults };
}

/** The error of a connection that nobody took. */
export const refused = () =>
  Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', syscall: 'connect' });
