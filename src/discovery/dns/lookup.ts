import { abreast } from '../abreast.ts';
import type { AddressRule } from '../address.ts';
import { readRecord } from '../record.ts';
import type { Instance } from '../registry.ts';
import type { Rejections } from '../rejections.ts';
import type { ResolvedDnsOptions } from './options.ts';
import type { Address, Resolver, Target } from './resolver.ts';
import { shareWeights } from './share-weights.ts';

/** What a lookup is given. */
export interface LookupParts {
  readonly options: ResolvedDnsOptions;
  readonly rejections: Rejections;
  /** Where instances may be. */
  readonly addresses: AddressRule | undefined;
}

/** What DNS says of a service. */
export interface Answer {
  readonly instances: readonly Instance[];
  /** Milliseconds that all of it is good for. */
  readonly ttlMs: number;
  /** Why some of it is what was known before; `undefined` when all of it is new. */
  readonly failure: unknown;
}

/** How long something is good for that does not say so: that there is nothing, and what is only remembered. */
const UNKNOWN_TTL_MS = 5_000;
/** Targets asked for at the same time. */
const ABREAST = 32;

/** Finds the instances of one service in DNS, and remembers which addresses a target had. */
export class Lookup {
  readonly #service: string;
  readonly #options: ResolvedDnsOptions;
  readonly #rejections: Rejections;
  readonly #addresses: AddressRule | undefined;
  /** The last known addresses of each target that the last answer names. */
  #known: ReadonlyMap<string, readonly Address[]> = new Map();

  constructor(service: string, { options, rejections, addresses }: LookupParts) {
    this.#service = service;
    this.#options = options;
    this.#rejections = rejections;
    this.#addresses = addresses;
  }

  /** Rejects when DNS does not say what there is. */
  ask(resolver: Resolver): Promise<Answer> {
    const { port, srv, domain } = this.#options;
    if (port !== undefined) return this.#addressesAt(resolver, `${this.#service}.${domain}`, port);
    return this.#targetsAt(resolver, [srv, this.#service, domain].filter((part) => part !== '').join('.'));
  }

  async #addressesAt(resolver: Resolver, name: string, port: number): Promise<Answer> {
    const addresses = await this.#addressesOf(resolver, name);
    const instances = this.#instances(addresses.map(({ address }) => ({ address, port, weight: 1 })));
    return { instances, ttlMs: leastTtlMs(addresses), failure: undefined };
  }

  /**
   * The targets of the most urgent priority that has an instance. One whose addresses cannot be found out keeps those that it had; when
   * nothing is left, because of such, that is no answer.
   */
  async #targetsAt(resolver: Resolver, name: string): Promise<Answer> {
    // The name of the root says that there is no such service.
    const targets = (await resolver.targets(name)).filter((target) => target.name !== '' && target.name !== '.');
    const known = new Map<string, readonly Address[]>();
    let instances: readonly Instance[] = [];
    let failure: unknown;
    for (const group of byPriority(targets)) {
      await abreast([...new Set(group.map((target) => target.name))], ABREAST, async (target) => {
        try {
          known.set(target, await this.#addressesOf(resolver, target));
        } catch (error) {
          failure ??= error;
          known.set(target, this.#known.get(target)?.map(remembered) ?? []);
        }
      });
      const found = shareWeights(group).flatMap(({ name: target, port, weight }) =>
        (known.get(target) ?? []).map(({ address }) => ({ address, port, weight })),
      );
      instances = this.#instances(found);
      if (instances.length > 0) break;
    }
    if (instances.length === 0 && failure !== undefined) throw failure;
    this.#known = known;
    return { instances, ttlMs: leastTtlMs([...known.values()].flat()), failure };
  }

  async #addressesOf(resolver: Resolver, name: string): Promise<readonly Address[]> {
    const { family } = this.#options;
    if (family !== 'any') return resolver.addresses(name, family);
    const addresses = await resolver.addresses(name, 4);
    // A process with addresses of both kinds is one process.
    return addresses.length > 0 ? addresses : resolver.addresses(name, 6);
  }

  #instances(found: readonly { address: string; port: number; weight: number }[]): readonly Instance[] {
    const instances = new Map<string, Instance>();
    const { protocol } = this.#options;
    for (const { address: host, port, weight } of found) {
      const id = `${host}:${port}`;
      const said = { id, service: this.#service, host, port, protocol, weight };
      const record = readRecord(
        { ...said, attributes: {}, status: 'up', generation: 0 },
        { addresses: this.#addresses },
      );
      if ('refused' in record) this.#rejections.add(this.#service, id, record.refused);
      else instances.set(id, record.instance);
    }
    return [...instances.values()];
  }
}

function remembered({ address }: Address): Address {
  return { address, ttlMs: UNKNOWN_TTL_MS };
}

function leastTtlMs(addresses: readonly Address[]): number {
  return addresses.length === 0 ? UNKNOWN_TTL_MS : Math.min(...addresses.map(({ ttlMs }) => ttlMs));
}

/** The most urgent first. */
function byPriority(targets: readonly Target[]): readonly (readonly Target[])[] {
  const groups = Map.groupBy(targets, ({ priority }) => priority);
  return [...groups].toSorted(([a], [b]) => a - b).map(([, group]) => group);
}
