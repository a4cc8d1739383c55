import { setTimeout as delay } from 'node:timers/promises';
import { serialiseRecord } from '../../src/discovery/record.ts';
import { serviceKeys } from '../../src/discovery/redis/keys.ts';
import { leave, register } from '../../src/discovery/redis/scripts.ts';
import type { Instance } from '../../src/discovery/registry.ts';
import { instanceOf } from './instance.ts';
import type { MeasuredRedis } from './redis.ts';

const LEASE_MS = 3_600_000;
const AT_ONCE = 500;

/** Instances whose records are written by the scripts that owners use, without the owners: for parts that measure who reads them. */
export class Fleet {
  readonly #redis: MeasuredRedis;
  #generation = 1_764_000_000_000;

  constructor(redis: MeasuredRedis) {
    this.#redis = redis;
  }

  /** Registers so many instances of each service. */
  async register(services: readonly string[], each: number): Promise<void> {
    const all = services.flatMap((service) => Array.from({ length: each }, (_, nth) => instanceOf(service, nth)));
    for (let i = 0; i < all.length; i += AT_ONCE) {
      await Promise.all(all.slice(i, i + AT_ONCE).map((instance) => this.#register(instance)));
    }
  }

  /** One instance after another, each of the next service, leaves and is registered again: `count` changes, so many in a second. */
  async change(services: readonly string[], count: number, perSecond: number): Promise<void> {
    const startedAt = performance.now();
    for (let i = 0; i < count; i++) {
      const instance = instanceOf(services[(i >> 1) % services.length] ?? '', 0, { generation: this.#generation });
      // What left may come back as a newer generation.
      await (i % 2 === 0 ? this.#leave(instance) : this.#register({ ...instance, generation: ++this.#generation }));
      await delay(Math.max(0, startedAt + ((i + 1) * 1_000) / perSecond - performance.now()));
    }
  }

  #register(instance: Instance): Promise<unknown> {
    const { instances, leases, head, channel } = serviceKeys('default', instance.service);
    const { id, generation } = instance;
    const record = serialiseRecord(instance);
    return this.#redis.client.eval(
      register.lua,
      3,
      instances,
      leases,
      head,
      id,
      generation,
      LEASE_MS,
      record,
      'epoch',
      channel,
    );
  }

  #leave({ service, id, generation }: Instance): Promise<unknown> {
    const { instances, leases, head, channel } = serviceKeys('default', service);
    return this.#redis.client.eval(leave.lua, 3, instances, leases, head, id, generation, 'epoch', channel);
  }
}
