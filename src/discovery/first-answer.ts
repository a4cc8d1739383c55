/** How long a call waits for the first answer of a registry that has said nothing yet. */
const RESOLVE_MS = 100;
/** The same while the process is starting, when the connection to the registry may still be on its way. */
const START_MS = 2_000;
const PATIENCE_RATIO = 0.75;

/** Milliseconds that a call waits for a first answer, in a process that began at `startedAt`. Both in monotonic milliseconds. */
export function firstAnswerMs(startedAt: number, now: number): number {
  return Math.max(RESOLVE_MS, startedAt + START_MS - now);
}

/** Milliseconds that one of several is waited for before it is done without: less, so that a call which waits gets what the others know. */
export function patienceMs(startedAt: number, now: number): number {
  return PATIENCE_RATIO * firstAnswerMs(startedAt, now);
}
