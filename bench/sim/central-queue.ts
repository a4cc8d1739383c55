import type { Engine } from './engine.ts';
import { Queue } from './queue.ts';
import type { Job, Server } from './server.ts';
import type { Tally } from './tally.ts';

/**
 * A slow server is left alone while waiting takes less than so much of the time that it would take. Not 1: who waits lets others wait as well. Of 0, 0.5, 0.8 and
 * 1 this one is the lowest at p99 in the fixed scenarios; with 0, small3 is at 84 ms and not at 49.
 */
const PATIENCE = 0.5;

/**
 * The lower bound: one queue for all clients, before all servers, without a message that could be late. A call is begun by the fastest server that has a worker
 * free, is sound and does not stand still, else it waits until one has. A slow one is left alone while the last of those that wait would be done much sooner by
 * the faster ones (a threshold, as is best for two servers; Larsen and Agrawala, 1983). A call never moves once it is begun, and nobody knows its work beforehand.
 */
export class CentralQueue {
  readonly #engine: Engine;
  readonly #servers: readonly Server[];
  readonly #tally: Tally;
  readonly #oneWayMs: number;
  readonly #deadlineMs: number;
  readonly #waiting = new Queue<Call>();

  constructor(engine: Engine, servers: readonly Server[], tally: Tally, oneWayMs: number, deadlineMs: number) {
    this.#engine = engine;
    this.#servers = servers;
    this.#tally = tally;
    this.#oneWayMs = oneWayMs;
    this.#deadlineMs = deadlineMs;
    for (const server of servers) {
      server.pull = () => this.#nextFor(server);
      server.changed = () => this.#offer();
    }
  }

  call(workMs: number, counted: boolean, ended: () => void): void {
    const madeAt = this.#engine.now();
    const done = () => {
      const latencyMs = this.#engine.now() + this.#oneWayMs - madeAt;
      if (counted)
        this.#tally.add(latencyMs <= this.#deadlineMs ? 'success' : 'timeout', Math.min(latencyMs, this.#deadlineMs));
      ended();
    };
    this.#engine.schedule(madeAt + this.#oneWayMs, () => {
      if (counted) this.#tally.sent++;
      this.#waiting.push(new Call(workMs, madeAt + this.#deadlineMs, done));
      this.#offer();
    });
  }

  #offer(): void {
    for (let server = this.#fastestFree(); server !== undefined; server = this.#fastestFree()) {
      const next = this.#nextFor(server);
      // Slower ones would leave it alone as well.
      if (next === undefined) return;
      server.arrive(next);
    }
  }

  #fastestFree(): Server | undefined {
    let best: Server | undefined;
    for (const server of this.#servers) {
      if (server.free && usable(server) && (best === undefined || server.speed > best.speed)) best = server;
    }
    return best;
  }

  #nextFor(server: Server): Call | undefined {
    if (!usable(server)) return undefined;
    let workers = 0;
    let speed = 0;
    for (const other of this.#servers) {
      if (!usable(other) || other.speed <= server.speed) continue;
      workers += other.workers;
      speed += other.workers * other.speed;
    }
    // In units of the mean work: the last of those that wait takes (waiting + workers) ÷ speed with the faster ones, and 1 ÷ server.speed with this one.
    if (workers > 0 && (this.#waiting.size + workers) / speed < PATIENCE / server.speed) return undefined;
    return this.#next();
  }

  /** The next that is still waited for; a bound does no work that nobody wants. */
  #next(): Call | undefined {
    for (;;) {
      const call = this.#waiting.shift();
      if (call === undefined || call.until > this.#engine.now()) return call;
      call.answer();
    }
  }
}

function usable(server: Server): boolean {
  return server.sound && server.speed > 0;
}

class Call implements Job {
  readonly workMs: number;
  readonly until: number;
  readonly answer: () => void;
  readonly limit = undefined;
  arrivedAt = 0;
  others = -1;
  abandoned = false;

  constructor(workMs: number, until: number, answer: () => void) {
    this.workMs = workMs;
    this.until = until;
    this.answer = answer;
  }
}
