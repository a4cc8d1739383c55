import { jittered } from '../../core/random.ts';
import { Rounds } from '../http/rounds.ts';
import { OwnState } from '../own-state.ts';
import type { Reach } from '../reach.ts';
import type { Announcement, Instance, RegistryScope } from '../registry.ts';
import { settledWithin } from '../settled-within.ts';
import type { Agent } from './agent.ts';
import { Registration } from './registration.ts';

/** What an owner is given. */
export interface ConsulOwnerOptions {
  readonly agent: Agent;
  readonly tags: readonly string[];
  readonly reach: Reach;
  readonly scope: RegistryScope;
}

const BEAT_MS = 10_000;
const BEAT_JITTER = 0.1;
const LEAVE_MS = 1_000;
/** How long those who read slowly have to see that it was its own word. */
const LINGER_MS = 600;

/**
 * Keeps one instance registered with its agent: registers it with a check that holds for 30 s, and says at every beat that it lives. A beat
 * that finds nothing registers again, which heals an agent that has forgotten; one that finds a newer process under its id stops.
 *
 * Who leaves says so by failing the check before it is deregistered: a service that is just not listed any more may as well have been lost.
 */
export class ConsulOwner implements Announcement {
  readonly instance: Instance;
  readonly #options: ConsulOwnerOptions;
  readonly #registration: Registration;
  readonly #own: OwnState;
  readonly #part: string;
  readonly #rounds: Rounds;
  readonly #closing = new AbortController();
  #leaving: Promise<void> | undefined;

  constructor(instance: Instance, options: ConsulOwnerOptions) {
    this.instance = instance;
    this.#options = options;
    const { agent, tags, scope } = options;
    this.#registration = new Registration(instance, { agent, tags, addresses: scope.addresses });
    this.#own = new OwnState(scope, instance);
    this.#part = `owner of ${instance.id}`;
    this.#rounds = new Rounds({
      round: (signal) => this.#beat(signal),
      failed: (reason, permanent) => {
        this.#own.become('retrying', reason);
        options.reach.lost(this.#part, reason, permanent);
      },
      scope,
    });
  }

  get state(): Announcement['state'] {
    return this.#own.current;
  }

  leave(): Promise<void> {
    this.#leaving ??= this.#leave();
    return this.#leaving;
  }

  /** Stops at once. What is registered stays until its check has been critical for a minute. */
  close(): void {
    this.#rounds.close();
    this.#closing.abort(new Error('the registry is closed'));
    this.#options.reach.forget(this.#part);
  }

  async #leave(): Promise<void> {
    const { over } = this.#own;
    this.#own.become('left', 'withdrawn');
    const stopped = this.#rounds.stop();
    if (!over) await settledWithin(this.#options.scope.clock, LEAVE_MS, this.#withdraw(stopped));
    this.close();
  }

  async #beat(signal: AbortSignal): Promise<number> {
    const { reach, scope } = this.#options;
    const owner = await this.#registration.owner(signal);
    if (owner === 'newer') {
      this.#own.become('fenced', 'a newer process has announced the same id');
      void this.#rounds.stop();
      reach.forget(this.#part);
      return 0;
    }
    if (owner !== 'own' || !(await this.#registration.pass(signal))) await this.#registration.register(signal);
    this.#own.become('announced', '');
    this.#rounds.succeeded();
    reach.back(this.#part);
    return jittered(scope.random, BEAT_MS, BEAT_JITTER);
  }

  async #withdraw(stopped: Promise<void>): Promise<void> {
    const { signal } = this.#closing;
    // A registration on its way must not arrive after the leave.
    await stopped;
    if ((await this.#registration.owner(signal)) !== 'own') return;
    await this.#registration.fail('left', signal);
    await this.#linger(signal);
    await this.#registration.deregister(signal);
  }

  /** Over early when the registry is closed. */
  #linger(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.scope.clock.after(LINGER_MS, resolve);
      signal.addEventListener('abort', () => {
        timer.cancel();
        resolve();
      });
    });
  }
}
