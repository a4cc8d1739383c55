import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';
import type { InboundRequest } from './inbound-request.ts';
import type { LimitedBy } from './limited-by.ts';
import type { NameOverride } from './name-override.ts';
import type { Priority } from './priority.ts';
import type { TraceContext } from './trace-context.ts';

/** What an inbound request, and what is said of calls around them, hands to the calls that are made in it. */
export interface Ambient {
  readonly trace: TraceContext | undefined;
  /** `baggage` as it came, or empty; it travels with or without a trace. */
  readonly baggage: string;
  /** Monotonic milliseconds by which all of it must be done; `Infinity` when nobody said. */
  readonly deadline: number;
  /** Whose time that is. @default 'request' */
  readonly limitedBy?: LimitedBy | undefined;
  /** Most attempts of each call; `undefined` for any number. */
  readonly attempts?: number | undefined;
  /** Whether the request is itself a retry: calls made for it are then not retried again. */
  readonly retried: boolean;
  /** Names that stand for others; it travels as `baggage` does. */
  readonly names?: NameOverride | undefined;
  /** How much it matters; `default` when it does not say. */
  readonly priority?: Priority | undefined;
  /** The request itself, whose end is that of the calls; `undefined` where there is none, or where they outlive it. */
  readonly request?: InboundRequest | undefined;
}

// The one AsyncLocalStorage: set where a request enters, read once where a call starts, never inside the stack.
const storage = new AsyncLocalStorage<Ambient>();
/** Set for good by the first override. Most processes never see one, and are spared a second look into the storage for each call. */
let overriding = false;

export function ambient(): Ambient | undefined {
  return storage.getStore();
}

/** The names that the present request puts in the place of others. */
export function ambientNames(): NameOverride | undefined {
  return overriding ? storage.getStore()?.names : undefined;
}

/** `run`, to be called later as if it were now: whatever the application or its tracing keeps per request stays that of this one. */
export function keptForLater<A, R>(run: (value: A) => R): (value: A) => R {
  return AsyncResource.bind(run);
}

export function runAmbient<T>(value: Ambient, run: () => T): T {
  overriding ||= value.names !== undefined;
  return storage.run(value, run);
}
