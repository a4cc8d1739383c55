import { type Backoff, fullJitter } from '../../core/backoff.ts';
import type { Timer } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import { jittered } from '../../core/random.ts';
import { OwnState } from '../own-state.ts';
import type { Reach } from '../reach.ts';
import { serialiseRecord } from '../record.ts';
import type { Announcement, Instance, RegistryScope } from '../registry.ts';
import { settledWithin } from '../settled-within.ts';
import type { Connection } from './connection.ts';
import type { ConnectionUser } from './connection-user.ts';
import type { ServiceKeys } from './keys.ts';
import { isPermanent } from './redis-errors.ts';
import { beat, index, leave, reap, register, type Script } from './scripts.ts';

/** What an owner is given. */
export interface OwnerOptions {
  readonly connection: Pick<Connection, 'ready' | 'run' | 'use'>;
  readonly keys: ServiceKeys;
  /** The key of the index of services. */
  readonly indexKey: string;
  readonly beatMs: number;
  readonly leaseMs: number;
  readonly reach: Reach;
  readonly scope: RegistryScope;
}

const BEAT_JITTER = 0.1;
/** Moments in the time of a beat at which owners beat: 250 ms apart for one of 10 s. Each process has its own. */
const MOMENTS = 40;
/** Within which owners beat whose connection came back. */
export const RETURN_JITTER_MS = 1_000;
const RETRY_MS = 100;
const LEAVE_MS = 1_000;
const LIST_EVERY_MS = 3_600_000;
const LISTED_MS = 24 * LIST_EVERY_MS;
const UNKNOWN = 0;
const FENCED = -1;
const OK = 1;

/**
 * Keeps one instance in Redis: registers it, and repeats with every beat that it lives. A beat that finds no record registers again, which
 * is what heals a Redis that was emptied, failed over, or evicted the record.
 */
export class Owner implements Announcement, ConnectionUser {
  readonly instance: Instance;
  readonly #options: OwnerOptions;
  readonly #record: string;
  readonly #keys: readonly string[];
  readonly #own: OwnState;
  readonly #backoff: Backoff;
  readonly #part: string;
  readonly #disuse: () => void;
  #timer: Timer | undefined;
  #working: Promise<void> | undefined;
  #leaving: Promise<void> | undefined;
  #gone = false;
  #registered = false;
  #failures = 0;
  /** When it last put its service into the index. */
  #listedAt = Number.NEGATIVE_INFINITY;

  constructor(instance: Instance, options: OwnerOptions) {
    this.instance = instance;
    this.#options = options;
    this.#record = serialiseRecord(instance, options.scope.addresses);
    this.#own = new OwnState(options.scope, instance);
    this.#backoff = fullJitter(RETRY_MS, options.beatMs, options.scope.random);
    this.#part = `owner of ${instance.id}`;
    const { instances, leases, head } = options.keys;
    this.#keys = [instances, leases, head];
    this.#disuse = options.connection.use(this);
  }

  get state(): Announcement['state'] {
    return this.#own.current;
  }

  ready(fresh: boolean): void {
    this.#failures = 0;
    this.#workIn(fresh ? 0 : this.#options.scope.random() * RETURN_JITTER_MS);
  }

  lost(reason: string): void {
    this.#timer?.cancel();
    this.#own.become('retrying', reason);
  }

  /** Whether it left, and Redis knows or did not answer in time. */
  get gone(): boolean {
    return this.#gone;
  }

  leave(): Promise<void> {
    this.#leaving ??= this.#leave();
    return this.#leaving;
  }

  async #leave(): Promise<void> {
    const { over } = this.#own;
    this.#own.become('left', 'withdrawn');
    this.#stop();
    if (!over) await settledWithin(this.#options.scope.clock, LEAVE_MS, this.#withdraw());
    this.#gone = true;
  }

  #workIn(ms: number): void {
    this.#timer?.cancel();
    if (!this.#own.over) this.#timer = this.#options.scope.clock.background(ms, () => this.#work());
  }

  /** One beat at a time, however slow Redis is. */
  #work(): void {
    this.#working ??= this.#beat().then(
      () => this.#done(),
      (error: unknown) => this.#failed(error),
    );
  }

  #done(): void {
    this.#working = undefined;
    this.#failures = 0;
    this.#workIn(this.#nextBeatMs());
  }

  #failed(error: unknown): void {
    this.#working = undefined;
    this.#own.become('retrying', messageOf(error));
    // Without a connection `ready` begins anew, and `reach` knows already.
    if (!this.#options.connection.ready || this.#own.over) return;
    if (isPermanent(error)) this.#options.reach.limited(this.#part, messageOf(error), true);
    this.#workIn(isPermanent(error) ? this.#nextBeatMs() : RETRY_MS + this.#backoff(this.#failures++));
  }

  /** At a moment that the owners of one process share, so that those which are due soon go out together. */
  #nextBeatMs(): number {
    const { beatMs, scope } = this.#options;
    const now = scope.clock.now();
    const togetherMs = beatMs / MOMENTS;
    const at = now + jittered(scope.random, beatMs, BEAT_JITTER);
    return Math.ceil(at / togetherMs) * togetherMs - now;
  }

  async #beat(): Promise<void> {
    const { keys, leaseMs } = this.#options;
    const { id, generation } = this.instance;
    let reply = UNKNOWN;
    if (this.#registered) reply = await this.#run(beat, [id, generation, leaseMs, keys.channel]);
    if (reply === UNKNOWN) {
      // Whatever lost the record lost the index too.
      this.#listedAt = Number.NEGATIVE_INFINITY;
      reply = await this.#run(register, [id, generation, leaseMs, this.#record, this.#newEpoch(), keys.channel]);
    }
    if (reply === FENCED) {
      this.#own.become('fenced', 'a newer process has announced the same id');
      this.#stop();
      return;
    }
    this.#registered = true;
    this.#own.become('announced', '');
    await this.#help(reply > OK);
  }

  /** What an owner does for others. That it may not does not make it less announced. */
  async #help(dead: boolean): Promise<void> {
    const { connection, indexKey, keys, leaseMs, reach, scope } = this.#options;
    try {
      if (dead) await connection.run(reap, [...this.#keys, keys.reaper], [leaseMs, keys.channel]);
      const now = scope.clock.now();
      if (now - this.#listedAt >= LIST_EVERY_MS) {
        await connection.run(index, [indexKey], [this.instance.service, LISTED_MS]);
        this.#listedAt = now;
      }
      reach.back(this.#part);
    } catch (error) {
      if (isPermanent(error) && !this.#own.over) reach.limited(this.#part, messageOf(error), true);
    }
  }

  async #withdraw(): Promise<void> {
    // A registration on its way must not arrive after the leave.
    await this.#working;
    const { id, generation } = this.instance;
    await this.#run(leave, [id, generation, this.#newEpoch(), this.#options.keys.channel]);
  }

  async #run(script: Script, args: readonly (string | number)[]): Promise<number> {
    return Number(await this.#options.connection.run(script, this.#keys, args));
  }

  /** Names the next life of the records, should this owner be the one that begins it. */
  #newEpoch(): string {
    return Math.floor(this.#options.scope.random() * 2 ** 48).toString(16);
  }

  #stop(): void {
    this.#timer?.cancel();
    this.#disuse();
    this.#options.reach.forget(this.#part);
  }
}
