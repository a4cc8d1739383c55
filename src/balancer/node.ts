import type { Context } from '../core/context.ts';
import type { Endpoint } from '../core/endpoint.ts';
import type { Counter } from '../core/metrics.ts';
import type { Health } from './health.ts';
import { Load } from './load.ts';
import type { LoadMeans } from './load-means.ts';
import type { Peak } from './peak.ts';

/**
 * An endpoint inside the balancer: its address with its load and its health. It keeps both as long as its process lives.
 *
 * It is its own load, and does not have one: of ten thousand endpoints each object more that a pick looks at is one more that has to be fetched from memory.
 */
export class Node extends Load {
  // First what each pick and each attempt looks at, since it is fetched from memory together.
  /**
   * Whether nothing speaks against it and it has all of its part. So it is nearly always, and then neither a pick nor a success looks at its health: of ten thousand
   * endpoints no cache holds that. Who changes what it follows from clears it; `rank` sets it again.
   */
  plain = false;
  /** Where a picker saw it last in the array that it was given: a hint. */
  place = 0;
  retired = false;
  /** Successes that its health was not told of yet, and the bucket of its window in which all of them were. */
  untold = 0;
  toldIn = 0;
  /** Counts attempts that go where it is; `undefined` where nobody asks. */
  placed: Counter | undefined;
  /** The newest description; weight and attributes may change, process and address never do. */
  endpoint: Endpoint;
  readonly health: Health;
  /** What `peak-ewma` knows of it. */
  peak: Peak | undefined;
  // What the filters keep of it. The stack is one for all endpoints of a service, and most of these are never called.
  /** Its value of `mesh-target`. */
  meant: string | undefined;
  succeeded: Counter | undefined;
  rejected: Counter | undefined;
  ignored: Counter | undefined;

  #suspect = false;

  constructor(endpoint: Endpoint, health: Health, means: LoadMeans) {
    super(means);
    this.endpoint = endpoint;
    this.health = health;
  }

  /** Whether discovery doubts that it lives: its lease ended, or the registry no longer lists it. */
  get suspect(): boolean {
    return this.#suspect;
  }

  set suspect(suspect: boolean) {
    this.#suspect = suspect;
    this.plain = false;
  }
}

/** The node that an attempt was given. */
export function nodeOf(ctx: Context): Node {
  const { node } = ctx;
  if (!(node instanceof Node)) throw new Error('an attempt has a node when it is sent');
  return node;
}
