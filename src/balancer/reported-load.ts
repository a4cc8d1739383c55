import { LAST, LEFT, STEPS } from '../core/decay.ts';
import type { LoadMeans } from './load-means.ts';
import type { LoadReading } from './load-reading.ts';
import type { LoadReport } from './load-report.ts';
import { REPORTED_AT, RIF, SENT, USUAL, USUAL_AT } from './load-table.ts';

/** The steps per millisecond in which a node of which nothing is heard becomes like the others: 5 s. */
const FORGETTING = STEPS / 5_000;
/** What has faded for so long, half a second, is put down as it has become: it is part of the mean that it fades into. */
const FADED = STEPS / 10;
/** After so long without a report a node is as one that never reported. */
const FORGOTTEN_MS = 40_000;
/** What one report weighs in a node's slow average. */
const WEIGHT = 0.1;
/** A report holds for about as long as what it counted: so many times the mean latency. */
const HOLDS = 2;
/** Past this age a report says nothing of how fast the node is. */
const FRESH_MS = 10_000;

// What a node reported of its requests in flight, as far as it still holds; its numbers begin `at` in the reports of the table of its set. Times are monotonic milliseconds.

/** A report came: own attempts begun from now on are what it cannot know of. */
export function heardReport(means: LoadMeans, at: number, { rif }: LoadReport, now: number): void {
  const { table } = means;
  table.holdReports();
  const { reports } = table;
  const before = reports[at + USUAL] ?? Number.NaN;
  if (Number.isNaN(before)) {
    reports[at + USUAL] = rif;
    means.rif.join(rif);
  } else {
    const mean = means.rif.value;
    const steps = (now - (reports[at + USUAL_AT] ?? 0)) * FORGETTING;
    const usual = mean + (before - mean) * (LEFT[Math.max(0, Math.min(LAST, steps)) | 0] ?? 0);
    const after = usual + WEIGHT * (rif - usual);
    reports[at + USUAL] = after;
    means.rif.sum += after - before;
    means.rif.value = means.rif.sum / means.rif.count;
  }
  reports[at + RIF] = rif;
  reports[at + USUAL_AT] = now;
  reports[at + REPORTED_AT] = now;
  reports[at + SENT] = 0;
}

/** The node is as one that never reported. */
export function forgetReport({ rif, table: { reports } }: LoadMeans, at: number): void {
  const usual = reports[at + USUAL] ?? Number.NaN;
  if (Number.isNaN(usual)) return;
  rif.leave(usual);
  reports[at + USUAL] = Number.NaN;
}

/** Whether it reported so short a time ago that what it said of how fast it is holds. */
export function freshReport({ table: { reports } }: LoadMeans, at: number, now: number): boolean {
  return now - (reports[at + REPORTED_AT] ?? Number.NEGATIVE_INFINITY) < FRESH_MS;
}

/**
 * Puts the requests in flight at the node by now into `into.rif`: the last report, fading into the slow average, which fades into the mean of all, as far as it should have its part of it; and own
 * attempts sent since, times the callers that there seem to be: who sees the same idle node as this process sends to it as well (C3's compensation; Suresh et al., 2015). `running`
 * own ones are certain.
 */
export function findRif(into: LoadReading, means: LoadMeans, at: number, running: number, now: number): void {
  const { latencyMs, rif, running: all, table } = means;
  const { reports } = table;
  const age = now - (reports[at + REPORTED_AT] ?? Number.NEGATIVE_INFINITY);
  if (age > FORGOTTEN_MS) forgetReport(means, at);
  const before = reports[at + USUAL] ?? Number.NaN;
  if (Number.isNaN(before)) {
    presumeRif(into, means, running);
    return;
  }
  const mean = into.portion * rif.value;
  const steps = (now - (reports[at + USUAL_AT] ?? 0)) * FORGETTING;
  const usual = mean + (before - mean) * (LEFT[Math.max(0, Math.min(LAST, steps)) | 0] ?? 0);
  if (steps > FADED) {
    rif.sum += usual - before;
    rif.value = rif.sum / rif.count;
    reports[at + USUAL] = usual;
    reports[at + USUAL_AT] = now;
  }
  // Where no latency is known yet, the report holds.
  const tau = HOLDS * latencyMs.value;
  const holds = LEFT[Math.max(0, Math.min(LAST, (age * STEPS) / tau)) | 0] ?? 0;
  // Of those sent since, the ones that ended without a report are no longer there.
  const since = Math.min(reports[at + SENT] ?? 0, running) * Math.max(1, rif.sum / Math.max(1, all));
  into.rif = Math.max(running, usual + ((reports[at + RIF] ?? 0) - usual) * holds + since);
}

/**
 * The same for one that did not report: it is taken to have the mean of those that do besides what this process has there, so that its silence does not attract what they get; less for one that should
 * have less.
 */
export function presumeRif(into: LoadReading, { rif }: LoadMeans, running: number): void {
  // Not one or the other: V8 would make an object of a number that may be whole or not.
  into.rif = running;
  if (rif.count > 0) into.rif = running + into.portion * rif.value;
}
