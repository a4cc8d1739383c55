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
  unused: boolean;
}

/** Who sends to an endpoint. */
export interface Sender {
  readonly retired: boolean;
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
  /** The connections that are open, by the one for whom they were made. */
  readonly #bySender = new WeakMap<Sender, Map<Duplex, Kept>>();

  constructor(settings: Pick<ResolvedConnections, 'idleMs' | 'maxAgeMs'>, clock: Clock, random: Random) {
    this.#settings = settings;
    this.#clock = clock;
    this.#random = random;
  }

  /** Whether a connection may serve another request after this response. `hint` is its header `keep-alive`; the age counts from the first. */
  keeps(socket: Duplex, hint: string | readonly string[] | undefined, sender: Sender): boolean {
    if (sender.retired) return false;
    const now = this.#clock.now();
    const said = /timeout=(\d+)/i.exec(String(hint ?? ''))?.[1];
    const idleMs = said === undefined ? this.#settings.idleMs : Number(said) * 1_000 - KEPT_LESS_MS;
    const kept = this.#bySocket.get(socket) ?? this.#add(socket, sender, now);
    kept.idleMs = Math.min(idleMs, kept.until - now, LONGEST_IDLE_MS);
    return kept.idleMs > 0;
  }

  /** One who sent was retired: closes the connections made for it that are unused. What is under way closes its own, unless it is of another. */
  letGo(sender: Sender): void {
    for (const [socket, { unused }] of this.#bySender.get(sender) ?? []) if (unused) socket.destroy();
    this.#bySender.delete(sender);
  }

  /** The same agent, which closes what is unused for too long. Node has these two methods for being replaced. */
  keptBy<A extends Agent>(agent: A): A {
    // It says whether the socket is kept; the types of Node do not know.
    const keep = agent.keepSocketAlive.bind(agent) as (socket: Duplex) => boolean;
    const reuse = agent.reuseSocket.bind(agent);
    const keepSocketAlive = (socket: Duplex): boolean => {
      const stays = keep(socket);
      const kept = this.#bySocket.get(socket);
      if (kept !== undefined) kept.unused = stays;
      // An agent closes one that times out while it is unused.
      if (socket instanceof Socket) socket.setTimeout(kept?.idleMs ?? this.#settings.idleMs);
      return stays;
    };
    const reuseSocket: Agent['reuseSocket'] = (socket, request) => {
      const kept = this.#bySocket.get(socket);
      if (kept !== undefined) kept.unused = false;
      if (socket instanceof Socket) socket.setTimeout(0);
      reuse(socket, request);
    };
    return Object.assign(agent, { keepSocketAlive, reuseSocket });
  }

  #add(socket: Duplex, sender: Sender, now: number): Kept {
    const { maxAgeMs, idleMs } = this.#settings;
    const until = maxAgeMs === false ? Number.POSITIVE_INFINITY : now + jittered(this.#random, maxAgeMs * 0.9, 1 / 9);
    const kept = { until, idleMs, unused: false };
    this.#bySocket.set(socket, kept);
    const sockets = this.#bySender.get(sender) ?? new Map<Duplex, Kept>();
    this.#bySender.set(sender, sockets.set(socket, kept));
    socket.once('close', () => sockets.delete(socket));
    return kept;
  }
}
