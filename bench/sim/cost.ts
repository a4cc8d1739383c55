import { median } from '../figures.ts';
import { endpointBytes, UNCOLLECTED, UNCOLLECTED_TURNS } from '../measure.ts';
import { inRounds } from '../rounds.ts';

/** One figure of what the balancer costs its process. */
export interface Cost {
  readonly name: string;
  readonly value: number;
  readonly most: number;
}

const PICKS = ['pick of 10', 'pick of 10,000'];
const MOST_NS = 250;
const MOST_BYTES = 1_024;

/** What a pick of the default and the report of its outcome take and allocate, and what one endpoint keeps: this is measured, not simulated. */
export async function costs(quick: boolean): Promise<readonly Cost[]> {
  const entries = PICKS.map((name) => ({ name, label: name }));
  const plan = quick ? { rounds: 4, turnMs: 5 } : { rounds: 40, turnMs: 60 };
  const timed = await inRounds([entries], plan);
  const allocated = await inRounds([entries.map((one) => ({ ...one, flags: UNCOLLECTED }))], UNCOLLECTED_TURNS);
  const kept = await endpointBytes(undefined);
  return [
    ...timed.map(({ name, cpuNs }) => ({
      // The fastest turn tells what it costs from what others did on the machine meanwhile.
      name: `${name} and its report, ns (fastest turn ${Math.round(Math.min(...cpuNs))})`,
      value: median(cpuNs),
      most: MOST_NS,
    })),
    ...allocated.map(({ name, heapBytes }) => ({
      name: `${name} and its report, bytes allocated`,
      value: Math.max(0, Math.round(median(heapBytes))),
      most: 0,
    })),
    ...kept.map(({ name, bytes }) => ({ name: `endpoint, ${name}, bytes kept`, value: bytes, most: MOST_BYTES })),
  ];
}
