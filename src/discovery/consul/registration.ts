import type { AddressRule } from '../address.ts';
import { fieldsOf } from '../http/fields-of.ts';
import { statusOf } from '../http/http-error.ts';
import type { Instance } from '../registry.ts';
import type { Agent } from './agent.ts';
import { metaOf, recordIn } from './record-in-meta.ts';

/** How an instance is registered. */
export interface RegistrationOptions {
  readonly agent: Agent;
  readonly tags: readonly string[];
  readonly addresses: AddressRule | undefined;
}

const LEASE = '30s';
/** The shortest that Consul allows: what it removes, the next beat registers again. */
const FORGET_AFTER = '1m';
const ANSWER_MS = 5_000;
const UNKNOWN = 404;

/** What an agent knows and is told of one instance, and of the check of it that holds for 30 s. Each rejects as `Agent.ask` does. */
export class Registration {
  readonly #instance: Instance;
  readonly #options: RegistrationOptions;
  readonly #meta: Readonly<Record<string, string>>;
  readonly #check: string;

  /** Throws a `ConfigError` for an instance that readers would refuse. */
  constructor(instance: Instance, options: RegistrationOptions) {
    this.#instance = instance;
    this.#options = options;
    this.#meta = metaOf(instance, options.addresses);
    this.#check = `service:${instance.id}`;
  }

  /** Whose the registration is that the agent has under the id. One that no mesh has made is nobody's. */
  async owner(signal: AbortSignal): Promise<'own' | 'newer' | 'none'> {
    const { id, service, generation } = this.#instance;
    try {
      const { body } = await this.#ask('GET', `service/${encodeURIComponent(id)}`, signal);
      const record = recordIn(fieldsOf(body)['Meta'], { id, service, addresses: this.#options.addresses });
      if (record === undefined || 'refused' in record || record.instance.generation < generation) return 'none';
      return record.instance.generation === generation ? 'own' : 'newer';
    } catch (error) {
      if (statusOf(error) !== UNKNOWN) throw error;
      return 'none';
    }
  }

  async register(signal: AbortSignal): Promise<void> {
    const { id, service, host, port, weight } = this.#instance;
    const share = Math.max(1, Math.round(weight));
    const body = {
      ID: id,
      Name: service,
      Address: host,
      Port: port,
      Tags: this.#options.tags,
      Meta: this.#meta,
      Weights: { Passing: share, Warning: share },
      Check: {
        CheckID: this.#check,
        Name: 'heddle',
        TTL: LEASE,
        Status: 'passing',
        DeregisterCriticalServiceAfter: FORGET_AFTER,
      },
    };
    await this.#ask('PUT', 'service/register', signal, { query: { 'replace-existing-checks': 'true' }, body });
  }

  /** Resolves with whether the agent knows the check. */
  async pass(signal: AbortSignal): Promise<boolean> {
    try {
      await this.#ask('PUT', `check/pass/${encodeURIComponent(this.#check)}`, signal);
      return true;
    } catch (error) {
      if (!isUnknownCheck(error)) throw error;
      return false;
    }
  }

  async fail(note: string, signal: AbortSignal): Promise<void> {
    await this.#ask('PUT', `check/fail/${encodeURIComponent(this.#check)}`, signal, { query: { note } });
  }

  async deregister(signal: AbortSignal): Promise<void> {
    await this.#ask('PUT', `service/deregister/${encodeURIComponent(this.#instance.id)}`, signal);
  }

  #ask(
    method: 'GET' | 'PUT',
    path: string,
    signal: AbortSignal,
    more: { readonly query?: Readonly<Record<string, string>>; readonly body?: unknown } = {},
  ) {
    return this.#options.agent.ask({ method, path: `/v1/agent/${path}`, timeoutMs: ANSWER_MS, signal, ...more });
  }
}

/** Agents of old answer 500 to what later ones answer 404 to. */
function isUnknownCheck(error: unknown): boolean {
  if (statusOf(error) === UNKNOWN) return true;
  return statusOf(error) === 500 && error instanceof Error && error.message.includes('does not have associated TTL');
}
