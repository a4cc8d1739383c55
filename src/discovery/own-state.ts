import { isLoopback } from './address.ts';
import type { Announcement, Instance, RegistryScope } from './registry.ts';

/** Where an announcement stands. Each change is an event; `fenced` and `left` are final, and `left` wins. */
export class OwnState {
  readonly #scope: RegistryScope;
  readonly #instance: Instance;
  #state: Announcement['state'] = 'retrying';
  #said = false;

  constructor(scope: RegistryScope, instance: Instance) {
    this.#scope = scope;
    this.#instance = instance;
  }

  get current(): Announcement['state'] {
    return this.#state;
  }

  /** Whether there is nothing more to repeat. */
  get over(): boolean {
    return this.#state === 'fenced' || this.#state === 'left';
  }

  /** `reason` is for people: why it is so. The first state is said too, though it may be the one it began in. */
  become(state: Announcement['state'], reason: string): void {
    if ((this.#said && state === this.#state) || (this.over && state !== 'left')) return;
    this.#said = true;
    this.#state = state;
    const { service, id, host } = this.#instance;
    const near = state === 'announced' && isLoopback(host) ? `under ${host}, which only this machine can call` : '';
    this.#scope.events.emit('announcement', { service, id, state, reason: reason || near });
  }
}
