import type { buildConnector, Pool } from 'undici';
import { FirstConnections } from './first-connections.ts';
import { http2Headers } from './http2-headers.ts';
import type { Holder, Owner } from './owner.ts';
import type { EndpointPools, Opened, Place } from './pools.ts';

/** The connections of one target, shared with all who use the same place in the same way. */
export class TargetPools {
  /** All those of the mesh: what is not of one endpoint is asked there. */
  readonly all: EndpointPools;
  readonly #owner: Owner;
  readonly #byNode = new WeakMap<Holder, Pool>();
  readonly #first: FirstConnections<Holder>;

  constructor(all: EndpointPools, owner: Owner) {
    this.all = all;
    this.#owner = owner;
    this.#first = new FirstConnections({ ...owner, most: owner.settings.warm, make: (node) => this.#warm(node) });
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
    this.#first.follow();
  }

  #open(node: Holder): Opened {
    if (node.retired) throw Object.assign(new Error(`'${node.endpoint.id}' has left`), { code: 'UND_ERR_CLOSED' });
    const opened = this.all.open(this.#placeOf(node), node);
    this.#byNode.set(node, opened.pool);
    this.#first.begin();
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

  #address({ protocol, host, port }: Holder['endpoint']): buildConnector.Options {
    const address = { protocol: `${protocol}:`, hostname: host, host: `${host}:${port}`, port: String(port) };
    return protocol === 'https' ? { ...address, servername: this.#owner.service } : address;
  }

  #placeOf({ endpoint }: Holder): Place {
    const { service, settings } = this.#owner;
    return { endpoint, service, settings };
  }
}
