import { AsyncLocalStorage } from 'node:async_hooks';
import type { TraceContext } from './trace-context.ts';

/** What an inbound request hands to the calls made while it is served. */
export interface Ambient {
  readonly trace: TraceContext | undefined;
  /** `baggage` as it came, or empty; it travels with or without a trace. */
  readonly baggage: string;
  /** Monotonic milliseconds by which the caller wants its answer; `Infinity` when it did not say. */
  readonly deadline: number;
  /** Whether the request is itself a retry: calls made for it are then not retried again. */
  readonly retried: boolean;
}

// The one AsyncLocalStorage: set where a request enters, read once where a call starts, never inside the stack.
const storage = new AsyncLocalStorage<Ambient>();

export function ambient(): Ambient | undefined {
  return storage.getStore();
}

export function runAmbient<T>(value: Ambient, run: () => T): T {
  return storage.run(value, run);
}
