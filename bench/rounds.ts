import { Worker } from './worker.ts';

/** One case of a run. */
export interface Entry {
  readonly name: string;
  /** What it is called in the results. */
  readonly label: string;
  /** Ports of the server, for a case that calls one. */
  readonly ports?: readonly number[];
  /** Options of Node for its process. */
  readonly flags?: readonly string[];
  /** The `bench` folder that it comes from, when it is not this one. */
  readonly folder?: string;
}

/** What one call cost in each round. */
export interface Series {
  readonly name: string;
  readonly cpuNs: readonly number[];
  readonly heapBytes: readonly number[];
}

/**
 * Runs every case in a process of its own, in rounds: each round gives each case one turn of about `turnMs`. The cases of a group, which
 * are to be compared with each other, have their turns one right after the other; the order of the groups, and that within them, is drawn
 * anew each round. What else happens on the machine so falls on all of them alike.
 */
export async function inRounds(
  groups: readonly (readonly Entry[])[],
  { rounds, turnMs }: { readonly rounds: number; readonly turnMs: number },
): Promise<Series[]> {
  const running = await Promise.all(groups.map((group) => Promise.all(group.map(start))));
  const all = running.flat();
  for (const one of all) one.calls = await warmUp(one.worker, turnMs);
  for (let round = 0; round < rounds; round++) {
    for (const { worker, calls, cpuNs, heapBytes } of shuffled(running).flatMap(shuffled)) {
      const cost = await worker.run(calls);
      cpuNs.push(cost.cpuNs / calls);
      heapBytes.push(cost.heapBytes / calls);
    }
  }
  for (const { worker } of all) worker.stop();
  return all.map(({ name, cpuNs, heapBytes }) => ({ name, cpuNs, heapBytes }));
}

interface Running {
  readonly name: string;
  readonly worker: Worker;
  /** That make a turn. */
  calls: number;
  readonly cpuNs: number[];
  readonly heapBytes: number[];
}

async function start({ name, label, ports = [], flags, folder }: Entry): Promise<Running> {
  const { worker } = await Worker.start('case-process.ts', [name, ...ports.map(String)], flags, folder);
  return { name: label, worker, calls: 0, cpuNs: [], heapBytes: [] };
}

/** The last and longest of the runs that a case is warmed up with takes at least this long, and has at least this many calls. */
const WARM_UP_MS = 400;
const WARM_UP_CALLS = 8_000;

/**
 * Runs a case until its code is compiled, which for a client like got takes thousands of calls: what runs cold costs several times as much,
 * and a process in production is not cold. And finds out how many calls make a turn.
 */
async function warmUp(worker: Worker, turnMs: number): Promise<number> {
  for (let calls = 500; ; calls *= 2) {
    const ms = (await worker.run(calls)).cpuNs / 1e6;
    if (ms >= WARM_UP_MS && calls >= WARM_UP_CALLS) return Math.ceil((calls * turnMs) / ms);
  }
}

function shuffled<T>(list: readonly T[]): T[] {
  return list
    .map((item) => ({ item, place: Math.random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item);
}
