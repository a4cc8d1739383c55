import { serviceName } from '../../core/check.ts';
import { patienceMs } from '../first-answer.ts';
import { serialiseRecord } from '../record.ts';
import type {
  Announcement,
  Instance,
  Registry,
  RegistryFactory,
  RegistryScope,
  Traffic,
  View,
  Watch,
} from '../registry.ts';
import { settledWithin } from '../settled-within.ts';
import type { Combine } from './combination.ts';
import { Combined } from './combined.ts';
import { CombinedWatches } from './combined-watches.ts';
import { JointAnnouncement } from './joint-announcement.ts';
import { PartEvents } from './part-events.ts';

/** How several registries answer as one. */
export interface Composition {
  /** What it is called, from the names of its parts. */
  readonly name: (names: readonly string[]) => string;
  /** How the views of their one service become one. */
  readonly combine: (names: readonly string[]) => Combine;
}

/** Names for a message are not worth waiting longer for. */
const SERVICES_MS = 1_000;

/** Several registries as one. Each has its own connections, and what one of them does wrong is no concern of the others. */
export function composeRegistries(composition: Composition, factories: readonly RegistryFactory[]): RegistryFactory {
  return (scope) => new CompositeRegistry(composition, factories, scope);
}

class CompositeRegistry implements Registry {
  readonly name: string;
  readonly #scope: RegistryScope;
  readonly #parts: readonly Registry[];
  readonly #combine: Combine;
  readonly #openedAt: number;
  readonly #watches = new CombinedWatches();
  readonly #announcements = new Set<JointAnnouncement>();

  constructor(composition: Composition, factories: readonly RegistryFactory[], scope: RegistryScope) {
    this.#scope = scope;
    this.#openedAt = scope.clock.now();
    this.#parts = openAll(factories, this.#partScope());
    const names = this.#parts.map(({ name }) => name);
    this.name = composition.name(names);
    this.#combine = composition.combine(names);
  }

  announce(instance: Instance): Announcement {
    serialiseRecord(instance, this.#scope.addresses);
    for (const earlier of this.#announcements) if (earlier.state === 'left') this.#announcements.delete(earlier);
    const announcement = new JointAnnouncement(instance, this.#scope);
    announcement.announceIn(this.#parts);
    this.#announcements.add(announcement);
    return announcement;
  }

  watch(service: string, listener: (view: View) => void, traffic?: Traffic): Watch {
    serviceName('service', service);
    return this.#watches.watch({ name: service, variant: 0 }, () => this.#follow(service), listener, traffic);
  }

  async services(): Promise<readonly string[]> {
    const known = new Set<string>();
    const asked = this.#parts.map(async (part) => {
      for (const service of await part.services()) known.add(service);
    });
    // What the others said by then is worth having without the one that does not answer.
    await settledWithin(this.#scope.clock, SERVICES_MS, Promise.allSettled(asked));
    return [...known];
  }

  async close(): Promise<void> {
    await Promise.all([...this.#announcements].map((announcement) => announcement.leave()));
    this.#watches.close();
    await Promise.allSettled(this.#parts.map(async (part) => part.close()));
  }

  #follow(service: string): Combined {
    return new Combined({
      service,
      scope: this.#scope,
      sources: this.#parts.map((part) => ({
        name: part.name,
        open: (listener, traffic) => part.watch(service, listener, traffic),
      })),
      combine: this.#combine,
      patienceMs: patienceMs(this.#openedAt, this.#scope.clock.now()),
      told: () => true,
    });
  }

  #partScope(): RegistryScope {
    const heard = new PartEvents(this.#scope.events, ({ service, id, reason }) => {
      for (const announcement of this.#announcements) {
        if (announcement.instance.id === id && announcement.instance.service === service) announcement.heard(reason);
      }
    });
    // All but the events is theirs as it is: where records may lead, and the last views, too.
    return { ...this.#scope, events: heard };
  }
}

/** All or none: one that cannot even be made is a mistake in the options, and leaves none of the others behind. */
function openAll(factories: readonly RegistryFactory[], scope: RegistryScope): readonly Registry[] {
  const opened: Registry[] = [];
  try {
    for (const factory of factories) opened.push(factory(scope));
  } catch (error) {
    for (const registry of opened) void registry.close().catch(() => {});
    throw error;
  }
  return opened;
}
