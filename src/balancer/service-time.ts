import { LAST, LEFT, STEPS } from '../core/decay.ts';
import type { LoadMeans } from './load-means.ts';
import { BEGUN_SUM, HEARD_AT, SERVED_AT, SERVICE_MS } from './load-table.ts';

/** What one answer weighs in the time that a node takes where it comes alone. */
const SERVICE_WEIGHT = 0.3;
/**
 * One that comes soon after another weighs less: so much for each millisecond between them, and at least a tenth. They tell of the same moment, and where hundreds a second come
 * none of them has to decide.
 */
const PER_MS = 1 / 100;
const LEAST_WEIGHT = 0.1;
/** The steps per millisecond in which a node of which nothing is heard becomes like the others: 5 s. */
const FORGETTING = STEPS / 5_000;
/** What has faded for so long, half a second, is put down as it has become: what is known of a node is part of the mean that it fades into. */
const FADED = STEPS / 10;
/** After so long without a word, eight times as long as it takes to fade, nothing is known of a node: it is as good as any, and so tried again. */
const FORGOTTEN_MS = 40_000;
/** Attempts that take so many times as long as is usual say more of a node than what it answered, or said of itself, before. */
export const STUCK = 2;

// How long a request takes at the node whose numbers begin `at` in the table of its set. Fractions are handed on in `means`: one that a function is given or returns may be allocated.

/** Takes over `means.sampleMs`. */
export function served(means: LoadMeans, at: number, now: number): void {
  const { sampleMs, serviceMs, table } = means;
  const { numbers } = table;
  const before = numbers[at + SERVICE_MS] ?? Number.NaN;
  if (Number.isNaN(before)) {
    numbers[at + SERVICE_MS] = sampleMs;
    serviceMs.join(sampleMs);
  } else {
    const mean = serviceMs.value;
    const steps = (now - (numbers[at + SERVED_AT] ?? 0)) * FORGETTING;
    const usual = mean + (before - mean) * (LEFT[Math.max(0, Math.min(LAST, steps)) | 0] ?? 0);
    const apart = (now - (numbers[at + HEARD_AT] ?? 0)) * PER_MS;
    const weight = apart > SERVICE_WEIGHT ? SERVICE_WEIGHT : apart > LEAST_WEIGHT ? apart : LEAST_WEIGHT;
    const after = usual + weight * (sampleMs - usual);
    numbers[at + SERVICE_MS] = after;
    serviceMs.sum += after - before;
    serviceMs.value = serviceMs.sum / serviceMs.count;
  }
  numbers[at + SERVED_AT] = now;
  numbers[at + HEARD_AT] = now;
}

/**
 * Puts it into `means.foundMs`; NaN while no node has answered. What is known fades into the mean of all. With `running` attempts that are on their way for much longer than
 * usual it is their mean age, if that is more: a node that is stuck is noticed before it answers.
 */
export function findServiceMs(means: LoadMeans, at: number, running: number, now: number): void {
  const { latencyMs, serviceMs, table } = means;
  const { numbers } = table;
  const mean = serviceMs.value;
  const known = numbers[at + SERVICE_MS] ?? Number.NaN;
  let ms = mean;
  if (now - (numbers[at + HEARD_AT] ?? now) > FORGOTTEN_MS && !Number.isNaN(known)) {
    forgetService(means, at);
    ms = serviceMs.value;
  } else if (!Number.isNaN(known)) {
    const steps = (now - (numbers[at + SERVED_AT] ?? 0)) * FORGETTING;
    ms += (known - mean) * (LEFT[Math.max(0, Math.min(LAST, steps)) | 0] ?? 0);
    if (steps > FADED) {
      numbers[at + SERVICE_MS] = ms;
      numbers[at + SERVED_AT] = now;
      serviceMs.sum += ms - known;
      serviceMs.value = serviceMs.sum / serviceMs.count;
    }
  }
  if (running > 0) {
    const age = now - (numbers[at + BEGUN_SUM] ?? 0) / running;
    if (age > ms && age > STUCK * latencyMs.value) ms = age;
  }
  means.foundMs = ms;
}

/** Nothing is known of it any more. */
export function forgetService(means: LoadMeans, at: number): void {
  const { serviceMs, table } = means;
  const known = table.numbers[at + SERVICE_MS] ?? Number.NaN;
  if (Number.isNaN(known)) return;
  serviceMs.leave(known);
  table.numbers[at + SERVICE_MS] = Number.NaN;
}
