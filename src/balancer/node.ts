import type { Endpoint } from '../core/endpoint.ts';
import type { Health } from './health.ts';
import type { Load } from './load.ts';
import type { Peak } from './peak.ts';

/** An endpoint inside the balancer: its address with its load and its health. It keeps both as long as its process lives. */
export class Node {
  /** The newest description; weight and attributes may change, process and address never do. */
  endpoint: Endpoint;
  readonly health: Health;
  readonly load: Load;
  /** Attempts on their way, bodies included. */
  running = 0;
  /** Whether discovery doubts that it lives: its lease ended, or the registry no longer lists it. */
  suspect = false;
  /** Monotonic milliseconds of its last success; `-Infinity` before the first. */
  succeededAt: number = Number.NEGATIVE_INFINITY;
  retired = false;
  /** What `peak-ewma` knows of it. */
  peak: Peak | undefined;
  /** Where a picker saw it last in the array that it was given: a hint. */
  place = 0;

  constructor(endpoint: Endpoint, health: Health, load: Load) {
    this.endpoint = endpoint;
    this.health = health;
    this.load = load;
  }
}
