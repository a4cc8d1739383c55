import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { Message, Order, Ready } from './protocol.ts';

/** Who wants to know about a process. */
export interface Audience {
  heard(actor: Actor, message: Message): void;
  /** It ended though nobody asked it to. */
  crashed(error: Error): void;
}

const KEPT_OF_STDERR = 4_000;

/** A process of the demo, as the director sees it. */
export class Actor {
  readonly name: string;
  readonly ready: Promise<Ready>;
  readonly ended: Promise<void>;
  readonly #process: ChildProcess;
  #mayEnd = false;
  #stderr = '';

  constructor(name: string, script: string, args: readonly string[], audience: Audience) {
    this.name = name;
    this.#process = fork(join(import.meta.dirname, script), args, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    const ready = Promise.withResolvers<Ready>();
    const ended = Promise.withResolvers<void>();
    this.ready = ready.promise;
    this.ended = ended.promise;
    this.#process.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr = `${this.#stderr}${chunk}`.slice(-KEPT_OF_STDERR);
    });
    this.#process.on('message', (message: Message) => {
      if (message.kind === 'ready') ready.resolve(message);
      if (message.kind === 'done') this.#mayEnd = true;
      audience.heard(this, message);
    });
    this.#process.on('error', (error) => audience.crashed(error));
    this.#process.on('close', (code, signal) => {
      ended.resolve();
      if (this.#mayEnd) return;
      audience.crashed(new Error(`${name} ended unexpectedly (${signal ?? `exit code ${code}`})\n${this.#stderr}`));
    });
  }

  order(order: Order): void {
    if (this.#process.connected) this.#process.send(order);
  }

  /** Asks it to end, as whoever deploys it would. */
  terminate(): void {
    this.#process.kill('SIGTERM');
  }

  /** Ends it without asking. */
  kill(): void {
    this.#mayEnd = true;
    this.#process.kill('SIGKILL');
  }
}
