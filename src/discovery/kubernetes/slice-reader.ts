import { jittered } from '../../core/random.ts';
import type { FollowedService } from '../followed-service.ts';
import type { HttpClient } from '../http/http-client.ts';
import { statusOf } from '../http/http-error.ts';
import { Pace } from '../http/pace.ts';
import { Rounds } from '../http/rounds.ts';
import type { Reach } from '../reach.ts';
import type { Refusal } from '../record.ts';
import type { RegistryScope } from '../registry.ts';
import type { Rejections } from '../rejections.ts';
import { readChange } from './change.ts';
import { listSlices } from './list-slices.ts';
import { nameOf } from './object-meta.ts';
import { readSlice, type Slice } from './slice.ts';
import { unionOf } from './union.ts';

/** What a reader of slices is given. */
export interface SliceReaderOptions {
  readonly client: HttpClient;
  /** The service as Kubernetes names it, and its namespace, which may have to be read from a file. */
  readonly kubernetesService: string;
  readonly namespace: () => Promise<string>;
  readonly port: string | number | undefined;
  readonly attributes: Readonly<Record<string, string>>;
  readonly reach: Reach;
  readonly rejections: Rejections;
  readonly scope: RegistryScope;
}

const GONE = 410;
const HEAD_MS = 10_000;
/** How long a watch is asked to last, so that one which died unnoticed does not for long. */
const WATCH_MS = 240_000;
const WATCH_JITTER = 0.2;
/** A server that has not ended a watch this long after it should have is not there any more. */
const OVERDUE_MS = 10_000;
/** A server that ends watches at once, or calls every version too old, is asked no more often than this in the long run. */
const PACE_MS = 5_000;
const PACE_BURST = 4;
/** A server that restarts breaks off the watches of all processes at once, and they must not come back at once. */
const RETURN_JITTER_MS = 2_500;

/**
 * Follows the EndpointSlices of one service: lists them, then watches from the version of the list on, and goes on from the last version
 * heard when the watch ends. It lists anew only when the server has forgotten that version, or said what is not understood.
 *
 * A server that ends a watch, or breaks it off, is asked again before it is called lost. Who is not listed any more is in doubt, not gone: a
 * slice that was deleted, a list that is empty, a service that was removed are words of the control plane, and a pod that it has lost
 * sight of may serve as well as ever. A pod that is deleted says itself that it terminates, before it vanishes.
 */
export class SliceReader {
  readonly #followed: FollowedService;
  readonly #options: SliceReaderOptions;
  readonly #part: string;
  readonly #rounds: Rounds;
  readonly #pace = new Pace(PACE_MS, PACE_BURST);
  /** By name. Never changed, always replaced. */
  #slices: ReadonlyMap<string, Slice> = new Map();
  /** The version to watch from; `undefined` while a list is needed. */
  #version: string | undefined;

  constructor(followed: FollowedService, options: SliceReaderOptions) {
    this.#followed = followed;
    this.#options = options;
    this.#part = `slices of ${followed.service}`;
    this.#rounds = new Rounds({
      round: (signal) => this.#round(signal),
      failed: (reason, permanent) => {
        followed.apply({ kind: 'lost', reason });
        options.reach.lost(this.#part, reason, permanent);
      },
      scope: options.scope,
    });
  }

  close(): void {
    this.#rounds.close();
    this.#options.reach.forget(this.#part);
  }

  async #round(signal: AbortSignal): Promise<number> {
    const { clock, random } = this.#options.scope;
    const namespace = await this.#options.namespace();
    let brokeOff = false;
    try {
      if (this.#version === undefined) await this.#list(namespace, signal);
      brokeOff = await this.#watch(namespace, signal);
    } catch (error) {
      if (statusOf(error) !== GONE) throw error;
      this.#version = undefined;
    }
    return this.#pace.waitMs(clock.now()) + (brokeOff ? random() * RETURN_JITTER_MS : 0);
  }

  async #list(namespace: string, signal: AbortSignal): Promise<void> {
    const slices = new Map<string, Slice>();
    const take = (object: unknown) => this.#keep(slices, object, namespace);
    this.#version = await listSlices(this.#options.client, this.#path(namespace), signal, take);
    this.#slices = slices;
    this.#found();
  }

  /** Resolves when the watch is over, with whether it broke off. */
  async #watch(namespace: string, signal: AbortSignal): Promise<boolean> {
    const { client, scope } = this.#options;
    const seconds = Math.ceil(jittered(scope.random, WATCH_MS, WATCH_JITTER) / 1_000);
    const from = `&watch=1&allowWatchBookmarks=true&resourceVersion=${encodeURIComponent(this.#version ?? '')}`;
    let open = false;
    try {
      await client.stream({
        path: `${this.#path(namespace)}${from}&timeoutSeconds=${seconds}`,
        timeoutMs: HEAD_MS,
        streamMs: seconds * 1_000 + OVERDUE_MS,
        signal,
        opened: () => {
          open = true;
          // What happened meanwhile is told now; the rest is as it was.
          this.#found();
        },
        heard: (lines) => this.#heard(lines, namespace),
      });
      this.#rounds.succeeded();
      return false;
    } catch (error) {
      if (!open) throw error;
      if (isBreak(error)) return true;
      // Something was told that is not understood.
      this.#version = undefined;
      throw error;
    }
  }

  #heard(lines: readonly string[], namespace: string): void {
    const slices = new Map(this.#slices);
    let changed = false;
    for (const line of lines) {
      const change = readChange(line);
      if (change.kind === 'unknown') {
        this.#reject('a change', 'record');
        continue;
      }
      if (change.kind === 'changed') this.#keep(slices, change.object, namespace);
      if (change.kind === 'deleted') slices.delete(change.name);
      changed ||= change.kind !== 'bookmark';
      this.#version = change.version;
    }
    this.#rounds.succeeded();
    this.#slices = slices;
    if (changed) this.#found();
    else this.#followed.apply({ kind: 'confirmed' });
  }

  /** A slice that cannot be read leaves what was known of it: it says nothing new. */
  #keep(slices: Map<string, Slice>, object: unknown, namespace: string): void {
    const { kubernetesService, port, attributes, scope } = this.#options;
    const name = nameOf(object);
    if (name === undefined) {
      this.#reject('a slice', 'record');
      return;
    }
    const slice = readSlice(object, {
      kubernetesService,
      namespace,
      port,
      attributes,
      addresses: scope.addresses,
      rejected: (id, refusal) => this.#reject(id, refusal),
    });
    if (slice !== undefined) slices.set(name, slice);
  }

  #found(): void {
    const instances = unionOf(this.#slices.values());
    this.#followed.apply({ kind: 'snapshot', at: { epoch: 'kubernetes', revision: 0 }, instances });
    this.#options.reach.back(this.#part);
  }

  #reject(id: string, refusal: Refusal): void {
    this.#options.rejections.add(this.#followed.service, id, refusal);
  }

  #path(namespace: string): string {
    const selector = encodeURIComponent(`kubernetes.io/service-name=${this.#options.kubernetesService}`);
    return `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices?labelSelector=${selector}`;
  }
}

/** Whether the connection failed, and not what came over it: errors of sockets and of time have a code. */
function isBreak(error: unknown): boolean {
  return error instanceof Error && 'code' in error;
}
