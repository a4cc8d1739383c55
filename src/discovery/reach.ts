import type { Events, MeshEvents } from '../core/events.ts';
import type { RegistryScope } from './registry.ts';

type State = MeshEvents['registry']['state'];

/** What keeps a part of a registry from its work. */
interface Trouble {
  readonly state: Exclude<State, 'connected'>;
  readonly reason: string;
  readonly permanent: boolean;
}

/**
 * Whether a registry is within reach, all of its parts together. One event per change of state, however often its parts are tried, and one
 * more when what would pass by itself turned out to need a person.
 *
 * Gauges by registry: `registry_connected` is 1 while it can be read, `registry_blocked` is 1 while a person is needed.
 */
export class Reach {
  readonly #registry: string;
  readonly #events: Events;
  /** By part; the newest stands last. */
  readonly #troubles = new Map<string, Trouble>();
  #said: Pick<MeshEvents['registry'], 'state' | 'permanent'> | undefined;

  constructor(registry: string, { events, metrics }: Pick<RegistryScope, 'events' | 'metrics'>) {
    this.#registry = registry;
    this.#events = events;
    const connected = () => this.#said !== undefined && this.#said.state !== 'lost';
    const blocked = () => [...this.#troubles.values()].some(({ permanent }) => permanent);
    metrics.gauge('registry_connected', { registry }, () => (connected() ? 1 : 0));
    metrics.gauge('registry_blocked', { registry }, () => (blocked() ? 1 : 0));
  }

  /** A part of the registry answered. */
  back(part: string): void {
    this.#troubles.delete(part);
    this.#say();
  }

  /** A part of the registry is out of reach; `permanent` when waiting does not cure it. `reason` is for people. */
  lost(part: string, reason: string, permanent = false): void {
    this.#trouble(part, { state: 'lost', reason, permanent });
  }

  /** The registry can be read, and a part of it does not do all that it should. */
  limited(part: string, reason: string, permanent = false): void {
    this.#trouble(part, { state: 'limited', reason, permanent });
  }

  /** Nobody asks for a part any more. */
  forget(part: string): void {
    if (this.#troubles.has(part)) this.back(part);
  }

  #trouble(part: string, trouble: Trouble): void {
    this.#troubles.delete(part);
    this.#troubles.set(part, trouble);
    this.#say();
  }

  #say(): void {
    const all = [...this.#troubles.values()];
    const state = all.some((one) => one.state === 'lost') ? 'lost' : all.length > 0 ? 'limited' : 'connected';
    const worst = all.filter((one) => one.state === state);
    const needsPerson = worst.findLast(({ permanent }) => permanent);
    const permanent = needsPerson !== undefined;
    const said = this.#said;
    // Whoever was asked to look into it is not asked again for the next reason.
    if (said?.state === state && (said.permanent || !permanent)) return;
    this.#said = { state, permanent };
    const reason = (needsPerson ?? worst.at(-1))?.reason ?? '';
    this.#events.emit('registry', { registry: this.#registry, state, reason, permanent });
  }
}
