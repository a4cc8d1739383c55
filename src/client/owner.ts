import type { Endpoint } from '../core/endpoint.ts';
import type { Random } from '../core/random.ts';
import type { ResolvedConnections } from './connection-options.ts';

/** Who sends to an endpoint; its address never changes. */
export interface Holder {
  readonly endpoint: Endpoint;
  readonly retired: boolean;
}

/** The target whose connections they are. */
export interface Owner {
  readonly service: string;
  readonly settings: ResolvedConnections;
  readonly random: Random;
  /** Those that calls go to now. */
  readonly called: () => readonly Holder[];
}
