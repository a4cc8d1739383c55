import type { Timer } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import { jittered } from '../../core/random.ts';
import type { Reach } from '../reach.ts';
import type { RegistryScope } from '../registry.ts';
import type { ListeningUser } from './connection-user.ts';
import { isPermanent, isRefusal } from './redis-errors.ts';

const AGAIN_MS = 2_000;
/** What it takes a person to allow is not asked for so often. */
const SELDOM_MS = 5_000;
const JITTER = 0.2;

/**
 * The users of a connection whose channel could not be subscribed. One whom the server refuses is ready all the same and asks instead, until
 * it is allowed to listen; one who got no answer is lost. Both are tried again.
 */
export class Subscriptions {
  readonly #scope: RegistryScope;
  readonly #reach: Reach;
  readonly #again: (user: ListeningUser) => void;
  /** With whether it was refused. */
  readonly #failed = new Map<ListeningUser, boolean>();
  #timer: Timer | undefined;

  /** `again` subscribes for a user once more, and tells here what came of it. */
  constructor(scope: RegistryScope, reach: Reach, again: (user: ListeningUser) => void) {
    this.#scope = scope;
    this.#reach = reach;
    this.#again = again;
  }

  /** How many users have to ask. */
  get refused(): number {
    return [...this.#failed.values()].filter((refused) => refused).length;
  }

  stands(user: ListeningUser): void {
    this.#failed.delete(user);
    this.#reach.back(user.channel);
  }

  failed(user: ListeningUser, fresh: boolean, error: unknown): void {
    const refused = isRefusal(error);
    const before = this.#failed.get(user);
    this.#failed.set(user, refused);
    const reason = messageOf(error);
    if (refused) {
      const consequence = `changes are seen by asking, because listening is refused: ${reason}`;
      this.#reach.limited(user.channel, consequence, isPermanent(error));
      if (before !== true) user.ready(fresh, false);
    } else {
      this.#reach.lost(user.channel, reason);
      user.lost(reason);
    }
    this.#tryAgain(isPermanent(error) ? SELDOM_MS : AGAIN_MS);
  }

  forget(user: ListeningUser): void {
    this.#failed.delete(user);
    this.#reach.forget(user.channel);
  }

  /** Nobody is subscribed any more, and nobody is tried again. */
  clear(): void {
    this.#failed.clear();
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #tryAgain(ms: number): void {
    const { clock, random } = this.#scope;
    this.#timer ??= clock.background(jittered(random, ms, JITTER), () => {
      this.#timer = undefined;
      for (const user of this.#failed.keys()) this.#again(user);
    });
  }
}
