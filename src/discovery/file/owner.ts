import { dirname } from 'node:path';
import type { Timer } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import { jittered } from '../../core/random.ts';
import { repeat } from '../../core/repeat.ts';
import { OwnState } from '../own-state.ts';
import { parseRecord, serialiseRecord } from '../record.ts';
import type { Announcement, Instance, RegistryScope } from '../registry.ts';
import { settledWithin } from '../settled-within.ts';
import { isAbsent, markOf, readText, touch, writeRecord } from './folder.ts';

const BEAT_JITTER = 0.1;
const LEAVE_MS = 1_000;

/** Keeps the record of one instance in its file: written once, touched at every beat, written again when it is not there any more. */
export class FileOwner implements Announcement {
  readonly instance: Instance;
  readonly #path: string;
  readonly #text: string;
  readonly #scope: RegistryScope;
  readonly #state: OwnState;
  readonly #beats: Timer;
  /** The writing of the record that is ours. */
  #mark: string | undefined;
  #working: Promise<void> | undefined;
  #leaving: Promise<void> | undefined;

  constructor(instance: Instance, path: string, beatMs: number, scope: RegistryScope) {
    this.instance = instance;
    this.#path = path;
    this.#text = serialiseRecord(instance, scope.addresses);
    this.#scope = scope;
    this.#state = new OwnState(scope, instance);
    this.#beats = repeat(
      scope.clock,
      () => jittered(scope.random, beatMs, BEAT_JITTER),
      () => this.#beat(),
    );
    this.#beat();
  }

  get state(): Announcement['state'] {
    return this.#state.current;
  }

  leave(): Promise<void> {
    this.#leaving ??= this.#leave();
    return this.#leaving;
  }

  async #leave(): Promise<void> {
    const listed = !this.#state.over;
    this.#beats.cancel();
    this.#state.become('left', 'withdrawn');
    if (listed) await settledWithin(this.#scope.clock, LEAVE_MS, this.#withdraw());
  }

  /** A beat that is still at work makes the next one unnecessary. */
  #beat(): void {
    if (this.#working !== undefined) return;
    this.#working = this.#renew().then(
      () => {
        this.#working = undefined;
      },
      (error: unknown) => {
        this.#working = undefined;
        this.#state.become('retrying', messageOf(error));
      },
    );
  }

  async #renew(): Promise<void> {
    const mark = await markOf(this.#path);
    if (mark !== undefined && mark === this.#mark) {
      await touch(this.#path, this.#scope.clock.wall());
    } else {
      if (await this.#fenced()) {
        this.#beats.cancel();
        this.#state.become('fenced', 'a newer process has announced the same id');
        return;
      }
      await this.#write(this.#text);
      this.#mark = await markOf(this.#path);
    }
    this.#state.become('announced', '');
  }

  /**
   * Says `out` instead of deleting the file: who finds no file cannot tell a leave from an accident. Whoever reads the folder later clears
   * it away.
   */
  async #withdraw(): Promise<void> {
    await this.#working;
    if (!(await this.#fenced()))
      await this.#write(serialiseRecord({ ...this.instance, status: 'out' }, this.#scope.addresses));
  }

  /** Whether the record is that of a newer process. */
  async #fenced(): Promise<boolean> {
    try {
      const parsed = parseRecord(await readText(this.#path), { addresses: this.#scope.addresses });
      return 'instance' in parsed && parsed.instance.generation > this.instance.generation;
    } catch (error) {
      if (isAbsent(error)) return false;
      throw error;
    }
  }

  async #write(text: string): Promise<void> {
    await writeRecord(dirname(this.#path), this.#path, text, this.#scope.clock.wall());
  }
}
