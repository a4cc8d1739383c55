import { parentPort } from 'node:worker_threads';
import { policyOf } from './policy.ts';
import type { Run, Told } from './runner.ts';
import { simulate } from './simulate.ts';

/** A thread of `runner.ts`: makes the runs that it is given. */
parentPort?.on('message', ({ index, run }: { readonly index: number; readonly run: Run }) => {
  const told: Told = { index, result: simulate(run.scenario, policyOf(run.policy), run.seed) };
  parentPort?.postMessage(told);
});
