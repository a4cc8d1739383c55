import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Orders } from './fixtures/protocol.ts';

/** The processes that there are, by what they play. */
const SCRIPTS = {
  instances: new URL('./fixtures/instances.ts', import.meta.url),
  caller: new URL('./fixtures/caller.ts', import.meta.url),
  churn: new URL('./fixtures/churn.ts', import.meta.url),
};
/** On a busy machine it takes a dozen processes that long to start. */
const ANSWER_MS = 120_000;

export type Part = keyof typeof SCRIPTS;

/** A process of a test, which does what it is told. It ends when the test process does, however that ends. */
export class Actor<Ready> {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (value: unknown) => void>();
  #nth = 0;
  #ended = false;
  /** What it said when it was ready. */
  readonly ready: Promise<Ready>;

  constructor(part: Part, plan: object) {
    this.#child = fork(SCRIPTS[part], [JSON.stringify(plan)], { execArgv: [] });
    this.#child.on('message', ({ nth, value }: { nth: number; value: unknown }) => {
      this.#waiting.get(nth)?.(value);
      this.#waiting.delete(nth);
    });
    this.ready = this.#answer(0, `${part} did not start`) as Promise<Ready>; // what the script says first
  }

  /** Rejects when the process has ended, or does not answer in two minutes. */
  ask<Kind extends keyof Orders>(kind: Kind, ask: Orders[Kind]['ask']): Promise<Orders[Kind]['answer']> {
    const nth = ++this.#nth;
    const answer = this.#answer(nth, `no answer to '${kind}'`);
    this.#child.send({ kind, ask, nth });
    return answer as Promise<Orders[Kind]['answer']>; // what the other side answers to this kind
  }

  /** Stops it from running, sockets open, until `thaw`. */
  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child.kill('SIGCONT');
  }

  /** Ends it as `kill -9` does. Safe to repeat. */
  async kill(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exit;
  }

  #answer(nth: number, otherwise: string): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const died = (code: number | null, signal: string | null) =>
      reject(new Error(`${otherwise}: the process ended (${signal ?? `exit code ${code}`})`));
    const timer = setTimeout(() => reject(new Error(`${otherwise} within ${ANSWER_MS} ms`)), ANSWER_MS);
    this.#child.once('exit', died);
    this.#waiting.set(nth, resolve);
    return promise.finally(() => {
      clearTimeout(timer);
      this.#child.off('exit', died);
    });
  }
}
