import type { Engine } from './engine.ts';
import { Queue } from './queue.ts';
import type { Job, Server } from './server.ts';
import type { Tally } from './tally.ts';

/**
 * The lower bound: one queue for all clients, before all servers, without a message that could be late. A call is begun by the fastest server
 * that has a worker free and is sound, else it waits until one has. It never moves once it is begun, and nobody knows its work beforehand.
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
    for (const server of servers) server.pull = () => (server.sound ? this.#next() : undefined);
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
      for (let server = this.#fastestFree(); server !== undefined; server = this.#fastestFree()) {
        const next = this.#next();
        if (next === undefined) return;
        server.arrive(next);
      }
    });
  }

  #fastestFree(): Server | undefined {
    let best: Server | undefined;
    for (const server of this.#servers) {
      if (server.free && server.sound && (best === undefined || server.speed > best.speed)) best = server;
    }
    return best;
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

class Call implements Job {
  readonly workMs: number;
  readonly until: number;
  readonly answer: () => void;
  readonly limit = undefined;
  arrivedAt = 0;
  others = 0;

  constructor(workMs: number, until: number, answer: () => void) {
    this.workMs = workMs;
    this.until = until;
    this.answer = answer;
  }
}
