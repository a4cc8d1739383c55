import { jittered } from '../../core/random.ts';
import { fieldsOf } from '../http/fields-of.ts';
import { statusOf } from '../http/http-error.ts';
import { Rounds } from '../http/rounds.ts';
import { OwnState } from '../own-state.ts';
import type { Reach } from '../reach.ts';
import type { Announcement, Instance, RegistryScope } from '../registry.ts';
import { settledWithin } from '../settled-within.ts';
import type { Agent } from './agent.ts';
import { metaOf, recordIn } from './record-in-meta.ts';

/** What an owner is given. */
export interface ConsulOwnerOptions {
  readonly agent: Agent;
  readonly tags: readonly string[];
  readonly reach: Reach;
  readonly scope: RegistryScope;
}

const BEAT_MS = 10_000;
const BEAT_JITTER = 0.1;
const LEASE = '30s';
/** The shortest that Consul allows: what it removes, the next beat registers again. */
const FORGET_AFTER = '1m';
const ANSWER_MS = 5_000;
const LEAVE_MS = 1_000;
/** How long those who read slowly have to see that it was its own word. */
const LINGER_MS = 600;
const UNKNOWN = 404;

/**
 * Keeps one instance registered with its agent: registers it with a check that holds for 30 s, and says at every beat that it lives. A beat
 * that finds nothing registers again, which heals an agent that has forgotten; one that finds a newer process under its id stops.
 *
 * Who leaves says so by failing the check before it is deregistered: a service that is just not listed any more may as well have been lost.
 */
export class ConsulOwner implements Announcement {
  readonly instance: Instance;
  readonly #options: ConsulOwnerOptions;
  readonly #meta: Readonly<Record<string, string>>;
  readonly #own: OwnState;
  readonly #part: string;
  readonly #rounds: Rounds;
  readonly #closing = new AbortController();
  #leaving: Promise<void> | undefined;

  constructor(instance: Instance, options: ConsulOwnerOptions) {
    this.instance = instance;
    this.#options = options;
    this.#meta = metaOf(instance, options.scope.addresses);
    this.#own = new OwnState(options.scope, instance);
    this.#part = `owner of ${instance.id}`;
    this.#rounds = new Rounds({
      round: (signal) => this.#beat(signal),
      failed: (reason, permanent) => {
        this.#own.become('retrying', reason);
        options.reach.lost(this.#part, reason, permanent);
      },
      scope: options.scope,
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
    const listed = await this.#listed(signal);
    if (listed === 'newer') {
      this.#own.become('fenced', 'a newer process has announced the same id');
      void this.#rounds.stop();
      reach.forget(this.#part);
      return 0;
    }
    if (listed !== 'own' || !(await this.#pass(signal))) await this.#register(signal);
    this.#own.become('announced', '');
    this.#rounds.succeeded();
    reach.back(this.#part);
    return jittered(scope.random, BEAT_MS, BEAT_JITTER);
  }

  /** Whose the registration is that the agent has under the id. One that no mesh has made is nobody's. */
  async #listed(signal: AbortSignal): Promise<'own' | 'newer' | 'none'> {
    const { id, service, generation } = this.instance;
    try {
      const { body } = await this.#ask('GET', `service/${encodeURIComponent(id)}`, signal);
      const record = recordIn(fieldsOf(body)['Meta'], { id, service, addresses: this.#options.scope.addresses });
      if (record === undefined || 'refused' in record || record.instance.generation < generation) return 'none';
      return record.instance.generation === generation ? 'own' : 'newer';
    } catch (error) {
      if (statusOf(error) !== UNKNOWN) throw error;
      return 'none';
    }
  }

  async #register(signal: AbortSignal): Promise<void> {
    const { id, service, host, port, weight } = this.instance;
    const share = Math.max(1, Math.round(weight));
    await this.#ask('PUT', 'service/register?replace-existing-checks=true', signal, {
      ID: id,
      Name: service,
      Address: host,
      Port: port,
      Tags: this.#options.tags,
      Meta: this.#meta,
      Weights: { Passing: share, Warning: share },
      Check: {
        CheckID: checkOf(id),
        Name: 'heddle',
        TTL: LEASE,
        Status: 'passing',
        DeregisterCriticalServiceAfter: FORGET_AFTER,
      },
    });
  }

  /** Resolves with whether the agent knows the check. */
  async #pass(signal: AbortSignal): Promise<boolean> {
    try {
      await this.#ask('PUT', `check/pass/${encodeURIComponent(checkOf(this.instance.id))}`, signal);
      return true;
    } catch (error) {
      if (!isUnknownCheck(error)) throw error;
      return false;
    }
  }

  async #withdraw(stopped: Promise<void>): Promise<void> {
    const { id } = this.instance;
    const { signal } = this.#closing;
    // A registration on its way must not arrive after the leave.
    await stopped;
    if ((await this.#listed(signal)) !== 'own') return;
    await this.#ask('PUT', `check/fail/${encodeURIComponent(checkOf(id))}?note=left`, signal);
    await this.#linger(signal);
    await this.#ask('PUT', `service/deregister/${encodeURIComponent(id)}`, signal);
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

  #ask(method: 'GET' | 'PUT', what: string, signal: AbortSignal, body?: unknown) {
    const [path = '', text = ''] = what.split('?');
    const query = Object.fromEntries(new URLSearchParams(text));
    return this.#options.agent.ask({ method, path: `/v1/agent/${path}`, query, body, timeoutMs: ANSWER_MS, signal });
  }
}

function checkOf(id: string): string {
  return `service:${id}`;
}

/** Agents of old answer 500 to what later ones answer 404 to. */
function isUnknownCheck(error: unknown): boolean {
  if (statusOf(error) === UNKNOWN) return true;
  return statusOf(error) === 500 && error instanceof Error && error.message.includes('does not have associated TTL');
}
