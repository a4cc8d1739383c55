/** The keys of one service. They share a hash tag, so that a Cluster keeps them in one slot and a script may use them together. */
export interface ServiceKeys {
  /** HASH id → `generation|record`. */
  readonly instances: string;
  /** ZSET id → end of the lease, in milliseconds of the Redis server. */
  readonly leases: string;
  /** HASH: `epoch`, made anew with the records; `rev`, which counts their changes; `lapsed`, up to when ends of leases were told. */
  readonly head: string;
  /** STRING that one reaper at a time holds; the only key that expires. */
  readonly reaper: string;
  /** The channel of the changes; not a key. */
  readonly channel: string;
}

export function serviceKeys(namespace: string, service: string): ServiceKeys {
  const prefix = `mesh:v1:{${namespace}/${service}}:`;
  return {
    instances: `${prefix}i`,
    leases: `${prefix}l`,
    head: `${prefix}h`,
    reaper: `${prefix}r`,
    channel: `${prefix}c`,
  };
}

/** ZSET service → when it was last announced: an index for people and tools, which nothing else relies on. */
export function indexKey(namespace: string): string {
  return `mesh:v1:${namespace}:services`;
}
