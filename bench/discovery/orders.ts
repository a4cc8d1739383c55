/** What the process of a crowd is asked to do; each order has one answer. */
export type CrowdOrder =
  /** Opens so many registries, each with a connection of its own. Answers `true` when all are connected. */
  | { readonly kind: 'open'; readonly url: string; readonly count: number }
  /** Every registry follows this service, or each the one whose turn it is when there are several. Answers `true` when all views are current. */
  | { readonly kind: 'watch'; readonly services: readonly string[] }
  /** Announces instances, spread over the registries. Answers `true` when all are announced. */
  | { readonly kind: 'announce'; readonly instances: readonly { readonly service: string; readonly nth: number }[] }
  /** One instance after another joins and leaves, `pauseMs` apart. Answers with a `Move` for each join and leave. */
  | { readonly kind: 'move'; readonly service: string; readonly count: number; readonly pauseMs: number }
  /** Answers with what the views told since it was last asked: one `Move` for each registry and change. */
  | { readonly kind: 'seen' }
  /** Answers with how many registries have a current view of `count` instances, none of them in doubt. */
  | { readonly kind: 'knowing'; readonly count: number }
  /** Answers with the moments of connections since it was last asked: those begun, and those that were made. */
  | { readonly kind: 'connections' };

/** That an instance came or went, or was doubted; with the time on the clock that all processes of a machine share, in milliseconds. */
export interface Move {
  readonly id: string;
  readonly op: 'join' | 'leave' | 'doubt';
  readonly at: number;
}

export interface Connections {
  readonly begun: readonly number[];
  readonly made: readonly number[];
}

/** Monotonic milliseconds, the same in all processes of the machine. */
export function sharedNow(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
