import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { Cost } from './case-process.ts';

/** A process that was started from here, talked to one message at a time. It ends when this process does. */
export class Worker {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Starts a script of this folder, or of the one named, and waits for its first message. */
  static async start<First>(script: string, args: readonly string[], flags: readonly string[] = [], folder = FOLDER) {
    const child = fork(join(folder, script), args, { execArgv: [...flags] });
    const worker = new Worker(child);
    return { worker, first: await worker.#next<First>() };
  }

  /** Has the case that was started run this many times. */
  run(calls: number): Promise<Cost> {
    return this.ask<Cost>({ calls });
  }

  /** Sends an order, and waits for what the script says next. */
  ask<Reply>(order: object): Promise<Reply> {
    const reply = this.#next<Reply>();
    this.#child.send(order);
    return reply;
  }

  /** Stops it from running, sockets open, until `thaw`. */
  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child.kill('SIGCONT');
  }

  /** Ends it, one that is frozen too. */
  stop(): void {
    this.#child.kill('SIGKILL');
  }

  #next<T>(): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const died = (code: number | null) => reject(new Error(`${this.#child.spawnargs.join(' ')} died (${code})`));
    this.#child.once('exit', died);
    this.#child.once('message', (message) => {
      this.#child.off('exit', died);
      resolve(message as T); // what the script that was started sends
    });
    return promise;
  }
}

const FOLDER = import.meta.dirname;
