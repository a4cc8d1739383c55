import type { Endpoint } from '../core/endpoint.ts';
import { Ewma } from '../core/ewma.ts';
import type { Health } from './health.ts';

/** An endpoint inside the balancer: its address with its load and its health. It keeps both as long as its process lives. */
export class Node {
  /** The newest description; weight and attributes may change, process and address never do. */
  endpoint: Endpoint;
  readonly health: Health;
  /** Mean time to a successful answer in milliseconds, newer ones weighing more. */
  readonly latency: Ewma = new Ewma(0.3);
  /** Attempts on their way, bodies included. */
  running = 0;
  /** Whether discovery doubts that it lives: its lease ended, or the registry no longer lists it. */
  suspect = false;
  /** Monotonic milliseconds of its last success; `-Infinity` before the first. */
  succeededAt: number = Number.NEGATIVE_INFINITY;
  retired = false;

  constructor(endpoint: Endpoint, health: Health) {
    this.endpoint = endpoint;
    this.health = health;
  }
}
