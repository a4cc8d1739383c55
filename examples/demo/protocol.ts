/** What the processes of the demo tell each other over their IPC channels. */

/** One endpoint of `players` as the mesh of `teams` sees it. */
export interface EndpointHealth {
  readonly instance: string;
  readonly health: 'up' | 'busy' | 'down';
  /** Whether the registry no longer vouches for it. */
  readonly suspect: boolean;
}

/** It can be called. `at` is in milliseconds since 1970, as in all messages. */
export interface Ready {
  readonly kind: 'ready';
  readonly at: number;
}

/** Something that its mesh said, in words. */
export interface Said {
  readonly kind: 'said';
  readonly text: string;
}

/** What `mesh.explain('players')` tells in `teams`. */
export interface HealthReport {
  readonly kind: 'health';
  readonly registry: string;
  readonly breaker: string;
  readonly endpoints: readonly EndpointHealth[];
}

/** The calls of one phase that finished since the last report; none of them is in another report. */
export interface CallsReport {
  readonly kind: 'calls';
  /** The number of the phase in which they started. */
  readonly phase: number;
  /** Milliseconds, one for each call, failed or not. */
  readonly latencies: readonly number[];
  readonly retries: number;
  /** Answered calls by the instance of `players` that served them. */
  readonly served: Readonly<Record<string, number>>;
  /** Failed calls by what the caller was told. */
  readonly failures: Readonly<Record<string, number>>;
}

/** The first call that an instance of `players` served. */
export interface FirstServed {
  readonly kind: 'first-served';
  readonly instance: string;
  readonly at: number;
}

/** It has nothing more to say, and ends. */
export interface Done {
  readonly kind: 'done';
}

/** What a process tells the director. */
export type Message = Ready | Said | HealthReport | CallsReport | FirstServed | Done;

/** What the director tells a process: how slow to be, which phase it is, or to make no more calls. */
export type Order =
  | { readonly kind: 'slowness'; readonly factor: number }
  | { readonly kind: 'phase'; readonly phase: number }
  | { readonly kind: 'stop' };

/** What `players` answers, and `teams` passes on. */
export interface Answer {
  readonly instance: string;
}

/** In this header `teams` tells how often it had to send. */
export const ATTEMPTS = 'x-attempts';
