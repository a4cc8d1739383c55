import { resolveBalancer } from '../../src/balancer/balancer-options.ts';
import type { MakePicker } from '../../src/balancer/picker.ts';

const NAMES = ['recall', 'p2c', 'peak-ewma', 'least-loaded', 'round-robin', 'weighted-round-robin', 'random'] as const;

/** The pickers that are compared, by the names that they have as an option. Those that choose by a key of the call are not. */
export const PICKERS: ReadonlyMap<string, MakePicker> = new Map(
  NAMES.map((name) => [name, resolveBalancer('balancer', name).makePicker]),
);
