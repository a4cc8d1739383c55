import { join } from 'node:path';
import { others, pickName } from './cases/pick.ts';
import { type Entry, inRounds, type Series } from './rounds.ts';
import { Worker } from './worker.ts';

/** What is compared with each other stands together. */
const LOOPBACK = [
  ['undici.request', 'mesh.client'],
  ['got', 'wrapped got'],
  ['fetch', 'wrapped fetch'],
];
/** The other pickers; a scan of 10,000 has no place in a loop of millions. */
const PICKERS = others.flatMap((one) =>
  (one === 'least-loaded' ? [10] : [10, 10_000]).map((count) => pickName(one, count)),
);
/** By the default picker, of servers of the mesh. */
const REPORTING = ['pick of 10 that report', 'pick of 10,000 that report'];
const INSIDE = [
  ['bare stub', 'default stack'],
  ['pick of 10', 'pick of 100', 'pick of 1,000', 'pick of 10,000'],
  REPORTING,
  PICKERS,
];
/** The cases that consist of nothing of ours, and so are the same in every version; and those that another version may not have. */
const ALONE = new Set(['undici.request', 'got', 'fetch', 'bare stub', ...REPORTING, ...PICKERS]);

/** A young generation that no turn fills, so that the growth of the heap is all that was allocated. */
export const UNCOLLECTED = ['--expose-gc', '--min-semi-space-size=192', '--max-semi-space-size=192'];
/** Enough calls to average over, few enough to fit into that. */
export const UNCOLLECTED_TURNS = { rounds: 5, turnMs: 20 };

/** How long it is measured, and where another version of the same lies. */
export interface Plan {
  readonly rounds: number;
  readonly turnMs: number;
  /** A built checkout whose cases are measured in the same rounds. */
  readonly against: string | undefined;
}

export interface Figures {
  readonly loopback: readonly Series[];
  readonly inside: readonly Series[];
  readonly allocated: readonly Series[];
  /** Bytes that one endpoint keeps. */
  readonly endpoint: readonly { readonly name: string; readonly bytes: number }[];
}

/** What the name of a case is followed by when it comes from the other checkout. */
export const OTHER = ' (before)';

/** Takes all figures, one group after the other; within a group all cases take turns. */
export async function measure({ rounds, turnMs, against }: Plan): Promise<Figures> {
  const folder = against === undefined ? undefined : join(against, 'bench');
  const withOther = (groups: readonly (readonly string[])[], more: Partial<Entry>): Entry[][] =>
    groups.map((names) => {
      const own = names.map((name) => ({ ...more, name, label: name }));
      if (folder === undefined) return own;
      const changed = names.filter((name) => !ALONE.has(name));
      return [...own, ...changed.map((name) => ({ ...more, name, label: name + OTHER, folder }))];
    });

  const { worker: server, first: ports } = await Worker.start<number[]>('server-process.ts', ['3']);
  const loopback = await inRounds(withOther(LOOPBACK, { ports }), { rounds, turnMs });
  server.stop();
  const inside = await inRounds(withOther(INSIDE, {}), { rounds, turnMs: turnMs / 4 });
  const allocated = await inRounds(withOther(INSIDE, { flags: UNCOLLECTED }), UNCOLLECTED_TURNS);
  const endpoint = await endpointBytes(undefined);
  if (folder !== undefined) endpoint.push(...(await endpointBytes(folder, OTHER)));
  return { loopback, inside, allocated, endpoint };
}

/** Bytes that one endpoint keeps, of this checkout or of the one whose `bench` folder is named. */
export async function endpointBytes(folder: string | undefined, suffix = '') {
  const flags = ['--expose-gc'];
  const { first } = await Worker.start<Record<'idle' | 'called', number> & { readonly down?: number }>(
    'memory-process.ts',
    [],
    flags,
    folder,
  );
  return [
    { name: `never called${suffix}`, bytes: first.idle },
    { name: `called${suffix}`, bytes: first.called },
    // An older checkout does not tell.
    ...(first.down === undefined ? [] : [{ name: `reported, failed and taken out${suffix}`, bytes: first.down }]),
  ];
}
