import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Scenario } from './scenario.ts';
import type { Result } from './simulate.ts';

/** One run. Policies go by their name, since code cannot be sent to a thread. */
export interface Run {
  readonly scenario: Scenario;
  readonly policy: string;
  readonly seed: number;
}

/** What a thread says of a run. */
export interface Told {
  readonly index: number;
  readonly result: Result;
}

/** Makes all runs, on as many threads as there are cores, and returns their results in the same order. `done` is told how many are. */
export async function runAll(runs: readonly Run[], done: (count: number) => void): Promise<readonly Result[]> {
  const results = new Array<Result>(runs.length);
  let next = 0;
  let finished = 0;
  const thread = () =>
    new Promise<void>((resolve, reject) => {
      const worker = new Worker(new URL('./thread.ts', import.meta.url));
      const give = () => {
        const index = next++;
        if (index < runs.length) worker.postMessage({ index, run: runs[index] });
        else worker.terminate().then(() => resolve(), reject);
      };
      worker.on('message', ({ index, result }: Told) => {
        results[index] = result;
        done(++finished);
        give();
      });
      worker.on('error', reject);
      give();
    });
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), runs.length) }, thread));
  return results;
}
