import type { LookupFunction } from 'node:net';
import type { Dispatcher, Dispatcher1Wrapper, Pool } from 'undici';
import type { Endpoint } from '../core/endpoint.ts';
import { ClosedError } from '../core/errors.ts';
import { type AddressRule, defaultAddresses } from '../discovery/address.ts';
import { CONNECT_TIMEOUT_MS } from './connect-timeout.ts';
import { guardedLookup } from './guarded-lookup.ts';
import { loadUndici } from './undici.ts';

/** Who sends to an endpoint; its address never changes. */
interface Holder {
  readonly endpoint: Endpoint;
}

/**
 * The connections of the native client and of fetch: one pool for each address, made when first used, closed after the last node that sends
 * there was retired. Time is kept by the mesh, so the pools keep none.
 */
export class EndpointPools {
  #undici: { readonly Pool: typeof Pool; readonly Dispatcher1Wrapper: typeof Dispatcher1Wrapper } | undefined;
  readonly #byEndpoint = new WeakMap<Endpoint, Pool>();
  readonly #byAddress = new Map<string, Pool>();
  /** By address those who send there. */
  readonly #holders = new Map<string, Set<Holder>>();
  /** Those whose endpoint left and that still have something under way. */
  readonly #retired = new Set<Pool>();
  readonly #lookup: LookupFunction;
  #closed = false;

  constructor(addresses: AddressRule = defaultAddresses) {
    this.#lookup = guardedLookup(addresses);
  }

  /** Loads undici; needed once, before the first `of`. */
  async load(): Promise<void> {
    this.#undici = await loadUndici();
  }

  get ready(): boolean {
    return this.#undici !== undefined;
  }

  /** The pool of an endpoint. Only after `load`. */
  of(endpoint: Endpoint): Pool {
    const known = this.#byEndpoint.get(endpoint);
    if (known !== undefined && !known.closed) return known;
    const origin = originOf(endpoint);
    let pool = this.#byAddress.get(origin);
    if (pool === undefined) {
      if (this.#closed) throw new ClosedError(endpoint.service);
      if (this.#undici === undefined) throw new Error('the pools are not open');
      pool = new this.#undici.Pool(origin, {
        allowH2: false,
        headersTimeout: 0,
        bodyTimeout: 0,
        connect: { timeout: CONNECT_TIMEOUT_MS, lookup: this.#lookup },
      });
      this.#byAddress.set(origin, pool);
    }
    this.#byEndpoint.set(endpoint, pool);
    return pool;
  }

  /** A dispatcher for any fetch: the one of Node 22 and 24 brings handlers of undici 6 and 7. Only after `load`. */
  forFetch(dispatcher: Pick<Dispatcher, 'dispatch'>): Dispatcher {
    if (this.#undici === undefined) throw new Error('the pools are not open');
    return new this.#undici.Dispatcher1Wrapper(dispatcher as Dispatcher); // all that it uses is `dispatch`
  }

  get size(): number {
    return this.#byAddress.size;
  }

  /** Says that a node sends to its endpoint, as other nodes may that are at the same address. */
  hold(node: Holder): void {
    const origin = originOf(node.endpoint);
    const holders = this.#holders.get(origin) ?? new Set();
    this.#holders.set(origin, holders.add(node));
  }

  /** A node was retired: closes the pool of its endpoint, after what is under way there, unless another node holds it. */
  letGo(node: Holder): void {
    const origin = originOf(node.endpoint);
    const holders = this.#holders.get(origin);
    if (!holders?.delete(node) || holders.size > 0) return;
    this.#holders.delete(origin);
    const pool = this.#byAddress.get(origin);
    if (pool === undefined) return;
    this.#byAddress.delete(origin);
    this.#retired.add(pool);
    const gone = () => this.#retired.delete(pool);
    pool.close().then(gone, gone);
  }

  /** Closes all of them at once; what is still under way fails with a `ClosedError`. */
  async close(): Promise<void> {
    this.#closed = true;
    const pools = [...this.#byAddress.values(), ...this.#retired];
    this.#byAddress.clear();
    await Promise.allSettled(pools.map((pool) => pool.destroy(new ClosedError())));
  }
}

function originOf({ protocol, host, port }: Endpoint): string {
  return `${protocol}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
