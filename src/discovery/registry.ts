import type { Clock } from '../core/clock.ts';
import type { Endpoint } from '../core/endpoint.ts';
import type { Events } from '../core/events.ts';
import type { Metrics } from '../core/metrics.ts';
import type { Random } from '../core/random.ts';
import type { AddressRule } from './address.ts';

/** One registered process of a service, as its owner described it. */
export interface Instance extends Endpoint {
  /** `draining` finishes what it has and wants nothing new; `out` was taken out on purpose. */
  readonly status: 'up' | 'draining' | 'out';
}

/** An immutable set of the instances of one service. A change makes a new view; nobody ever sees half of one. */
export interface View {
  /** `pending`: nothing is known yet. `current`: the registry was heard lately. `stale`: it was lost, this is the last that is known. */
  readonly state: 'pending' | 'current' | 'stale';
  /** Those that may be called: `up`, in the order of their ids. */
  readonly instances: readonly Instance[];
  /** The ids whose lease ended or which a registry no longer lists, and which may yet live. */
  readonly suspects: ReadonlySet<string>;
  /** Changes with every view, and only grows. */
  readonly revision: number;
  /** Monotonic milliseconds at which the registry last confirmed it; NaN while pending. */
  readonly asOf: number;
  /** Why it is pending or stale, in words for people; empty when it is current. */
  readonly reason: string;
  /** Of several registries that are asked in order, the one that knew these. */
  readonly from?: string | undefined;
}

/** What the calls of this process know of endpoints: whether a suspect lives is seen best by calling it. */
export interface Traffic {
  /** Monotonic milliseconds at which an endpoint last answered well; `-Infinity` when it has not. */
  answeredAt(id: string): number;
}

/** Follows one service. */
export interface Watch {
  readonly view: View;
  /** Tells that an endpoint could not be reached, so that a suspect can go. */
  failed(id: string): void;
  close(): void;
}

/** What this process says of itself. It is repeated by the registry until `leave`. */
export interface Announcement {
  readonly instance: Instance;
  /** `retrying` while the registry is out of reach; `fenced` when a newer process has taken the id. */
  readonly state: 'retrying' | 'announced' | 'fenced' | 'left';
  /** Withdraws it. Resolves when the registry knows, or after a second: never rejects. */
  leave(): Promise<void>;
}

/**
 * Who says they are alive. The only owner of the truth about an instance is that instance: a registry that is down, slow, empty or lying
 * never removes an endpoint that still answers.
 *
 * No method throws or rejects because of what is outside: that is skipped, counted, and said once in the log.
 */
export interface Registry {
  /** For logs and `explain`, without credentials. */
  readonly name: string;
  announce(instance: Instance): Announcement;
  /**
   * Calls `listener` with each new view, beginning with the next change; `view` of the watch has the present one. `traffic` is asked before
   * a suspect goes: one that still answers stays.
   */
  watch(service: string, listener: (view: View) => void, traffic?: Traffic): Watch;
  /** Names of services known to the registry, as far as it can tell; for messages and tools. */
  services(): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** What a registry is given by the mesh. */
export interface RegistryScope {
  readonly clock: Clock;
  readonly random: Random;
  readonly events: Events;
  readonly metrics: Metrics;
  /** Where records may lead, to be asked of each before it is believed. @default any literal address that can be called */
  readonly addresses?: AddressRule | undefined;
  /** Where views are kept for a start without the registry, if they are. */
  readonly lastViews?: LastViews | undefined;
}

/** A view as it is kept. */
export interface KeptView {
  /** Tells the registry from others. */
  readonly registry: string;
  readonly service: string;
  /** When the registry last vouched for it, in milliseconds since 1970. */
  readonly savedAt: number;
  readonly instances: readonly Instance[];
}

/** Keeps the last view of each service. */
export interface LastViews {
  /** How long a registry may take to answer before what is kept is worth a look. */
  readonly patienceMs: number;
  /** Keeps a view in place of the one before, sooner or later. */
  save(view: KeptView): void;
  /** What is kept, if it can be believed: only instances of `announcedAs`, by default of `service` itself. Never rejects. */
  recall(registry: string, service: string, announcedAs?: string): Promise<KeptView | undefined>;
}

/** Makes a registry once the mesh knows its clock, events and metrics. This is what `registry:` takes for anything but a URL or lists. */
export type RegistryFactory = (scope: RegistryScope) => Registry;
