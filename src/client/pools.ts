import type { LookupFunction } from 'node:net';
import type { Dispatcher, Pool } from 'undici';
import { type Clock, systemClock } from '../core/clock.ts';
import type { Endpoint } from '../core/endpoint.ts';
import { ClosedError } from '../core/errors.ts';
import { type Random, systemRandom } from '../core/random.ts';
import { type AddressRule, defaultAddresses } from '../discovery/address.ts';
import type { ResolvedConnections } from './connection-options.ts';
import { endingSilence } from './ending-silence.ts';
import { FirstConnection } from './first-connection.ts';
import { guardedLookup } from './guarded-lookup.ts';
import { connectorOptions, drawAges, handOn, poolOptions } from './pool-options.ts';
import { loadUndici } from './undici.ts';

/** An address, and how connections to it are used: what differs in one of these cannot share a pool. */
export interface Place {
  readonly endpoint: Pick<Endpoint, 'protocol' | 'host' | 'port'>;
  /** Who has to prove to be there, over TLS. */
  readonly service: string;
  readonly settings: ResolvedConnections;
}

/** The connections to one place. */
export interface Opened {
  readonly pool: Pool;
  readonly first: FirstConnection;
}

interface PoolsParts {
  readonly addresses?: AddressRule | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

/**
 * The connections of the native client and of fetch: one pool for each place, made when first used, closed after the last of those who hold it has
 * let go. The pools know no time limits of calls: those are kept by the mesh.
 */
export class EndpointPools {
  #undici: Awaited<ReturnType<typeof loadUndici>> | undefined;
  readonly #byPlace = new Map<string, Opened & { readonly holders: Set<object> }>();
  /** Those that everybody let go and that still have something under way. */
  readonly #retired = new Set<Pool>();
  readonly #lookup: LookupFunction;
  readonly #clock: Clock;
  readonly #random: Random;
  #closed = false;

  constructor({ addresses = defaultAddresses, clock = systemClock, random = systemRandom }: PoolsParts = {}) {
    this.#lookup = guardedLookup(addresses);
    this.#clock = clock;
    this.#random = random;
  }

  /** Loads undici; needed once, before the first `open`. */
  async load(): Promise<void> {
    this.#undici = await loadUndici();
  }

  get ready(): boolean {
    return this.#undici !== undefined;
  }

  /** The pool of a place; it stays open until `holder`, and all others who asked for it, have let go. Only after `load`. */
  open(place: Place, holder: object): Opened {
    const key = keyOf(place);
    let opened = this.#byPlace.get(key);
    if (opened === undefined) {
      opened = { ...this.#make(place), holders: new Set() };
      this.#byPlace.set(key, opened);
    }
    opened.holders.add(holder);
    return opened;
  }

  /** Closes the pool of a place, after what is under way there, unless somebody else holds it. */
  letGo(place: Place, holder: object): void {
    const key = keyOf(place);
    const opened = this.#byPlace.get(key);
    if (!opened?.holders.delete(holder) || opened.holders.size > 0) return;
    this.#byPlace.delete(key);
    const { pool, first } = opened;
    first.close();
    this.#retired.add(pool);
    const gone = () => this.#retired.delete(pool);
    pool.close().then(gone, gone);
  }

  /** A dispatcher for any fetch: the one of Node 22 and 24 brings handlers of undici 6 and 7. Only after `load`. */
  forFetch(dispatcher: Pick<Dispatcher, 'dispatch'>): Dispatcher {
    if (this.#undici === undefined) throw new Error('the pools are not open');
    return new this.#undici.Dispatcher1Wrapper(dispatcher as Dispatcher); // all that it uses is `dispatch`
  }

  get size(): number {
    return this.#byPlace.size;
  }

  /** Closes all of them at once; what is still under way fails with a `ClosedError`. */
  async close(): Promise<void> {
    this.#closed = true;
    const pools = [...[...this.#byPlace.values()].map(({ pool }) => pool), ...this.#retired];
    for (const { first } of this.#byPlace.values()) first.close();
    this.#byPlace.clear();
    await Promise.allSettled(pools.map((pool) => pool.destroy(new ClosedError())));
  }

  #make({ endpoint, service, settings }: Place): Opened {
    if (this.#closed) throw new ClosedError(service);
    if (this.#undici === undefined) throw new Error('the pools are not open');
    const { Pool, buildConnector } = this.#undici;
    const { protocol } = endpoint;
    const connect = buildConnector(connectorOptions(settings, protocol, this.#lookup));
    const first = new FirstConnection(connect, this.#clock, settings.idleMs);
    const connector = settings.http === 2 ? endingSilence(first.connector, this.#clock) : first.connector;
    const pool = new Pool(originOf(endpoint), { ...poolOptions(settings, protocol), connect: connector });
    drawAges(pool, settings, this.#random);
    handOn(pool);
    return { pool, first };
  }
}

function keyOf({ endpoint, service, settings }: Place): string {
  const { max, idleMs, maxAgeMs, http, streams } = settings;
  const proved = endpoint.protocol === 'https' ? service : '';
  return `${originOf(endpoint)} ${proved} ${max} ${idleMs} ${maxAgeMs} ${http} ${http === 2 ? streams : ''}`;
}

function originOf({ protocol, host, port }: Place['endpoint']): string {
  return `${protocol}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
