import type { Agent } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../core/clock.ts';
import { jittered, type Random } from '../../core/random.ts';
import { KEPT_LESS_MS, LONGEST_IDLE_MS, type ResolvedConnections } from '../connection-options.ts';

interface Kept {
  /** Monotonic milliseconds from which it takes no more requests. */
  readonly until: number;
  /** How long it may be unused. */
  idleMs: number;
}

/**
 * Which connections an agent of Node keeps after a response, and for how long. By itself it keeps them until the server closes them, and loses
 * what it sends over one that is just being closed.
 */
export class KeptSockets {
  readonly #settings: Pick<ResolvedConnections, 'idleMs' | 'maxAgeMs'>;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #bySocket = new WeakMap<Duplex, Kept>();

  constructor(settings: Pick<ResolvedConnections, 'idleMs' | 'maxAgeMs'>, clock: Clock, random: Random) {
    this.#settings = settings;
    this.#clock = clock;
    this.#random = random;
  }

  /** Whether a connection may serve another request after this response. `hint` is its header `keep-alive`; the age counts from the first. */
  keeps(socket: Duplex, hint: string | readonly string[] | undefined): boolean {
    const now = this.#clock.now();
    const said = /timeout=(\d+)/i.exec(String(hint ?? ''))?.[1];
    const idleMs = said === undefined ? this.#settings.idleMs : Number(said) * 1_000 - KEPT_LESS_MS;
    let kept = this.#bySocket.get(socket);
    if (kept === undefined) {
      const { maxAgeMs } = this.#settings;
      const until = maxAgeMs === false ? Number.POSITIVE_INFINITY : now + jittered(this.#random, maxAgeMs * 0.9, 1 / 9);
      kept = { until, idleMs };
      this.#bySocket.set(socket, kept);
    }
    kept.idleMs = Math.min(idleMs, kept.until - now, LONGEST_IDLE_MS);
    return kept.idleMs > 0;
  }

  /** The same agent, which closes what is unused for too long. Node has these two methods for being replaced. */
  keptBy<A extends Agent>(agent: A): A {
    // It says whether the socket is kept; the types of Node do not know.
    const keep = agent.keepSocketAlive.bind(agent) as (socket: Duplex) => boolean;
    const reuse = agent.reuseSocket.bind(agent);
    const keepSocketAlive = (socket: Duplex): boolean => {
      const kept = keep(socket);
      // An agent closes one that times out while it is unused.
      if (socket instanceof Socket) socket.setTimeout(this.#bySocket.get(socket)?.idleMs ?? this.#settings.idleMs);
      return kept;
    };
    const reuseSocket: Agent['reuseSocket'] = (socket, request) => {
      if (socket instanceof Socket) socket.setTimeout(0);
      reuse(socket, request);
    };
    return Object.assign(agent, { keepSocketAlive, reuseSocket });
  }
}
