import type { buildConnector, Pool } from 'undici';
import type { Endpoint } from '../core/endpoint.ts';
import { below, type Random } from '../core/random.ts';
import { abreast } from '../discovery/abreast.ts';
import type { ResolvedConnections } from './connection-options.ts';
import { http2Headers } from './http2-headers.ts';
import type { EndpointPools, Opened, Place } from './pools.ts';

/** Whose connections they are. */
interface Owner {
  readonly service: string;
  readonly settings: ResolvedConnections;
  readonly random: Random;
  /** Those that calls go to now. */
  readonly called: () => readonly Holder[];
}

/** Who sends to an endpoint; its address never changes. */
interface Holder {
  readonly endpoint: Endpoint;
  readonly retired: boolean;
}

/** First connections that one target makes at the same time. */
const ABREAST = 8;

/** The connections of one target, shared with all who use the same place in the same way. */
export class TargetPools {
  /** All those of the mesh: what is not of one endpoint is asked there. */
  readonly all: EndpointPools;
  readonly #owner: Owner;
  readonly #byNode = new WeakMap<Holder, Pool>();
  /** Those that were drawn for a first connection, or were not. */
  readonly #known = new WeakSet<Holder>();
  #used = false;

  constructor(all: EndpointPools, owner: Owner) {
    this.all = all;
    this.#owner = owner;
  }

  /** The pool for what a node sends to its endpoint. Only after `all.load`. Throws as a closed pool does when the endpoint has left. */
  of(node: Holder): Pool {
    const known = this.#byNode.get(node);
    return known !== undefined && !known.closed ? known : this.#open(node).pool;
  }

  /** Headers as these connections can send them. */
  headers(all: string[]): string[] {
    return this.#owner.settings.http === 2 ? http2Headers(all) : all;
  }

  /** A node was retired: it sends nothing more. */
  letGo(node: Holder): void {
    this.all.letGo(this.#placeOf(node), node);
  }

  /** Told when some may have come: makes first connections to new ones among those called, once anything is sent over these pools at all. */
  follow(): void {
    const { settings, random, called } = this.#owner;
    if (settings.warm === false || !this.#used) return;
    const come = called().filter((node) => !this.#known.has(node));
    for (const node of come) this.#known.add(node);
    void abreast(drawn(come, settings.warm, random), ABREAST, (node) => this.#warm(node));
  }

  #open(node: Holder): Opened {
    if (node.retired) throw Object.assign(new Error(`'${node.endpoint.id}' has left`), { code: 'UND_ERR_CLOSED' });
    const opened = this.all.open(this.#placeOf(node), node);
    this.#byNode.set(node, opened.pool);
    if (!this.#used) {
      this.#used = true;
      this.follow();
    }
    return opened;
  }

  async #warm(node: Holder): Promise<void> {
    try {
      const { first, pool } = this.#open(node);
      if (pool.stats.connected === 0 && pool.stats.size === 0) await first.makeAhead(this.#address(node.endpoint));
    } catch {
      // It left, or the mesh closed: there is nothing to be made.
    }
  }

  #address({ protocol, host, port }: Endpoint): buildConnector.Options {
    const address = { protocol: `${protocol}:`, hostname: host, host: `${host}:${port}`, port: String(port) };
    return protocol === 'https' ? { ...address, servername: this.#owner.service } : address;
  }

  #placeOf({ endpoint }: Holder): Place {
    const { service, settings } = this.#owner;
    return { endpoint, service, settings };
  }
}

/** At most `most` of them, drawn at random: all who see the same endpoints must not choose the same. */
function drawn<T>(all: readonly T[], most: number, random: Random): readonly T[] {
  const rest = [...all];
  for (let i = 0; i < Math.min(most, rest.length); i++) {
    const j = i + below(random, rest.length - i);
    [rest[i], rest[j]] = [rest[j] as T, rest[i] as T]; // both lie inside
  }
  return rest.slice(0, most);
}
