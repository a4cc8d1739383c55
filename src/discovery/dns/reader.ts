import { type Backoff, fullJitter } from '../../core/backoff.ts';
import type { Timer } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import type { FollowedService } from '../followed-service.ts';
import type { Reach } from '../reach.ts';
import type { RegistryScope } from '../registry.ts';
import type { Rejections } from '../rejections.ts';
import { type Answer, Lookup } from './lookup.ts';
import type { ResolvedDnsOptions } from './options.ts';
import type { OpenResolver, Resolver } from './resolver.ts';

/** Part of the time an answer is good for, so that many processes do not ask in step. Asked sooner, a cache would say the same again. */
const LATE_RATIO = 0.1;
const RETRY_MS = 1_000;
const MAX_RETRY_MS = 30_000;

/** What a reader of DNS is given. */
export interface ReaderOptions {
  readonly options: ResolvedDnsOptions;
  readonly openResolver: OpenResolver;
  readonly reach: Reach;
  readonly rejections: Rejections;
  readonly scope: RegistryScope;
}

/** Follows one service: asks DNS again whenever its answer has grown old, and soon when there was none. */
export class DnsReader {
  readonly #followed: FollowedService;
  readonly #parts: ReaderOptions;
  readonly #lookup: Lookup;
  readonly #retryAfter: Backoff;
  #failures = 0;
  #asking: Resolver | undefined;
  #next: Timer | undefined;
  #closed = false;

  constructor(followed: FollowedService, parts: ReaderOptions) {
    const { options, rejections, scope } = parts;
    this.#followed = followed;
    this.#parts = parts;
    this.#lookup = new Lookup(followed.service, options, rejections);
    this.#retryAfter = fullJitter(RETRY_MS, Math.min(MAX_RETRY_MS, options.maxTtlMs), scope.random);
    void this.#look();
  }

  close(): void {
    this.#closed = true;
    this.#next?.cancel();
    this.#asking?.cancel();
    this.#parts.reach.forget(this.#followed.service);
  }

  async #look(): Promise<void> {
    let delayMs: number;
    try {
      this.#asking = this.#parts.openResolver();
      const answer = await this.#lookup.ask(this.#asking);
      if (this.#closed) return;
      delayMs = this.#found(answer);
    } catch (error) {
      if (this.#closed) return;
      delayMs = this.#lost(messageOf(error));
    } finally {
      this.#asking?.cancel();
      this.#asking = undefined;
    }
    this.#next = this.#parts.scope.clock.background(delayMs, () => void this.#look());
  }

  /** What is not in the answer any more becomes suspect, and so does everything when it is empty: DNS has no word for those who left. */
  #found({ instances, ttlMs, failure }: Answer): number {
    const { options, reach, scope } = this.#parts;
    const { service } = this.#followed;
    this.#failures = 0;
    this.#followed.apply({ kind: 'snapshot', at: { epoch: 'dns', revision: 0 }, instances });
    if (failure === undefined) reach.back(service);
    else reach.lost(service, messageOf(failure));
    const bounded = Math.min(options.maxTtlMs, Math.max(options.minTtlMs, ttlMs));
    return bounded * (1 + LATE_RATIO * scope.random());
  }

  #lost(reason: string): number {
    this.#followed.apply({ kind: 'lost', reason });
    this.#parts.reach.lost(this.#followed.service, reason);
    return this.#retryAfter(this.#failures++);
  }
}
