import { type Backoff, fullJitter } from '../../core/backoff.ts';
import type { Timer } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import { jittered } from '../../core/random.ts';
import type { Turns } from '../../core/turns.ts';
import type { FollowedService } from '../followed-service.ts';
import type { Cursor } from '../membership.ts';
import { oneAtATime } from '../one-at-a-time.ts';
import type { Reach } from '../reach.ts';
import type { RegistryScope } from '../registry.ts';
import type { Rejections } from '../rejections.ts';
import type { Connection } from './connection.ts';
import type { ListeningUser } from './connection-user.ts';
import { type Delta, markAfter, parseDelta, placeOf } from './delta.ts';
import type { ServiceKeys } from './keys.ts';
import { isPermanent } from './redis-errors.ts';
import { snapshot } from './scripts.ts';
import { endedIn, markIn, PART, readSnapshot } from './snapshot-reply.ts';

/** What a reader is given. */
export interface ReaderOptions {
  readonly connection: Pick<Connection, 'run' | 'fields'>;
  readonly keys: ServiceKeys;
  readonly reach: Reach;
  readonly rejections: Rejections;
  /** Shared by the readers of a registry. */
  readonly turns: Turns;
  readonly scope: RegistryScope;
}

const POLL_MS = 30_000;
/** How often it asks while it is not told. */
const ASK_MS = 5_000;
/** How often it asks while somebody is suspect: if only the message was lost that he is not, to learn of it before his grace is over. */
const DOUBTFUL_MS = 10_000;
const POLL_JITTER = 0.2;
/** All readers of a Redis that returns ask it for everything. */
const RETURN_JITTER_MS = 2_000;
const GAP_JITTER_MS = 200;
/** Anybody on the channel may cause a gap: not more than four snapshots a second come of that. */
const GAP_PAUSE_MS = 250;
const RETRY_MS = 100;
const RETRY_CAP_MS = 5_000;
const MAX_EARLY = 1_000;
/**
 * A reader that knows nobody yet is also told of those whose lease ended so lately, and begins with them as suspects: when Redis could not be
 * written for a while, or its clock jumped, they are all there is.
 */
const ENDED_WITHIN_MS = 600_000;
/** Where no registry ever stands: asks for everything. */
const NOTHING_KNOWN: Cursor = { epoch: '-', revision: 0 };

/**
 * Follows the records of one service: each change as it is told, a snapshot whenever one may have been missed, and one every 30 s in case
 * that went unnoticed; every 5 s while the server does not let it listen.
 */
export class Reader implements ListeningUser {
  readonly channel: string;
  readonly #followed: FollowedService;
  readonly #options: ReaderOptions;
  readonly #backoff: Backoff;
  readonly #part: string;
  readonly #sync = oneAtATime(() => this.#takeSnapshot());
  #timer: Timer | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  /** Whether the membership is that of its cursor, so that the next change can be applied. */
  #synced = false;
  #syncedAt = Number.NEGATIVE_INFINITY;
  /** Stands for all that the membership was made of. */
  #mark = '';
  /** Changes that came while a snapshot was on its way: it may or may not contain them. */
  #early: Delta[] | undefined;
  /** Counts losses, so that the answer to a question asked before one is not believed after it. */
  #session = 0;
  #failures = 0;
  #pollMs = POLL_MS;

  constructor(followed: FollowedService, options: ReaderOptions) {
    this.channel = options.keys.channel;
    this.#followed = followed;
    this.#options = options;
    this.#part = `reader of ${followed.service}`;
    this.#backoff = fullJitter(RETRY_MS, RETRY_CAP_MS, options.scope.random);
  }

  ready(fresh: boolean, hears: boolean): void {
    this.#pollMs = hears ? POLL_MS : ASK_MS;
    this.#syncIn(fresh ? 0 : this.#options.scope.random() * RETURN_JITTER_MS);
  }

  lost(reason: string): void {
    this.#forgetSync();
    this.#followed.apply({ kind: 'lost', reason });
  }

  message(text: string): void {
    const delta = parseDelta(text, this.#followed.service, this.#options.scope.addresses);
    if (delta === undefined) {
      this.#gap();
      return;
    }
    // An owner's leave holds whatever else was missed, and whatever becomes of a snapshot on its way.
    if (delta.kind === 'left') this.#followed.apply({ kind: 'left', id: delta.id, generation: delta.generation });
    if (this.#early === undefined) this.#apply(delta);
    else if (this.#early.length < MAX_EARLY) this.#early.push(delta);
  }

  close(): void {
    this.#forgetSync();
    this.#options.reach.forget(this.#part);
  }

  #apply(delta: Delta): void {
    const { cursor } = this.#followed;
    if (!this.#synced || cursor === undefined) return;
    const place = placeOf(delta.at, cursor);
    if (place === 'later') this.#gap();
    if (place !== 'next') return;
    this.#followed.apply(delta);
    this.#mark = markAfter(this.#mark, delta.text);
    if (delta.kind === 'lapsed') this.#syncIn(jittered(this.#options.scope.random, DOUBTFUL_MS, POLL_JITTER));
  }

  /** Something was missed. Who is not synced will take a snapshot anyway. */
  #gap(): void {
    if (!this.#synced) return;
    const { clock, random } = this.#options.scope;
    this.#syncIn(Math.max(0, this.#syncedAt + GAP_PAUSE_MS - clock.now()) + random() * GAP_JITTER_MS);
  }

  async #takeSnapshot(): Promise<void> {
    const session = this.#session;
    const { connection, keys, reach, rejections, scope, turns } = this.#options;
    const { service, cursor } = this.#followed;
    const known = (this.#synced ? cursor : undefined) ?? NOTHING_KNOWN;
    this.#early = [];
    try {
      const serviceKeys = [keys.instances, keys.leases, keys.head];
      const endedMs = cursor === undefined ? ENDED_WITHIN_MS : 0;
      const asked = [known.epoch, known.revision, endedMs, PART, this.#mark];
      const reply = await connection.run(snapshot, serviceKeys, asked);
      const found = await readSnapshot(reply, {
        service,
        addresses: scope.addresses,
        turns,
        known: (id) => this.#followed.instance(id),
        more: (ids) => connection.fields(keys.instances, ids),
        refuse: (id, refusal) => rejections.add(service, id, refusal),
      });
      if (session !== this.#session) return;
      const { at, instances } = found;
      if (instances !== undefined) this.#mark = markIn(reply);
      this.#followed.apply(instances === undefined ? { kind: 'confirmed' } : { kind: 'snapshot', at, instances });
      for (const id of endedIn(reply)) {
        const generation = this.#followed.instance(id)?.generation;
        if (generation !== undefined) this.#followed.apply({ kind: 'lapsed', id, generation });
      }
      this.#synced = true;
      this.#syncedAt = scope.clock.now();
      this.#failures = 0;
      reach.back(this.#part);
      this.#syncIn(jittered(scope.random, this.#nextLookMs(), POLL_JITTER));
      this.#applyEarly();
    } catch (error) {
      if (session === this.#session) this.#failed(error);
    }
  }

  #nextLookMs(): number {
    return this.#followed.doubted ? Math.min(DOUBTFUL_MS, this.#pollMs) : this.#pollMs;
  }

  #applyEarly(): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const delta of early) this.#apply(delta);
  }

  /** The connection stands, and yet there was no answer. */
  #failed(error: unknown): void {
    const { reach, scope } = this.#options;
    this.lost(messageOf(error));
    reach.lost(this.#part, messageOf(error), isPermanent(error));
    const seldom = jittered(scope.random, ASK_MS, POLL_JITTER);
    this.#syncIn(isPermanent(error) ? seldom : RETRY_MS + this.#backoff(this.#failures++));
  }

  #forgetSync(): void {
    this.#session++;
    this.#synced = false;
    this.#early = undefined;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Sees to it that a snapshot is asked for in `ms`, or before. */
  #syncIn(ms: number): void {
    const { clock } = this.#options.scope;
    const at = clock.now() + ms;
    if (this.#timer !== undefined && this.#timerAt <= at) return;
    this.#timer?.cancel();
    this.#timerAt = at;
    this.#timer = clock.background(ms, () => {
      this.#timer = undefined;
      this.#sync();
    });
  }
}
