import { Resolver as NodeResolver } from 'node:dns/promises';

/** An address that a name has. */
export interface Address {
  readonly address: string;
  /** Milliseconds that the answer is good for, as its server says. */
  readonly ttlMs: number;
}

/** What an SRV record says. */
export interface Target {
  /** The name of the host; empty when the service is decidedly not there. */
  readonly name: string;
  readonly port: number;
  /** The lower, the sooner it is used. */
  readonly priority: number;
  readonly weight: number;
}

/** Asks DNS. A name that does not exist, or has no record of that kind, is an empty answer; no answer, or a refusal, rejects. */
export interface Resolver {
  addresses(name: string, family: 4 | 6): Promise<readonly Address[]>;
  targets(name: string): Promise<readonly Target[]>;
  /** Ends all questions on their way. */
  cancel(): void;
}

/** Makes a resolver. It is used for one look and then cancelled. */
export type OpenResolver = () => Resolver;

/**
 * Asks the servers of the host, or `servers`, through Node's own resolver. A new one is made for each look, for 60 µs: so it finds what
 * the host says of its servers now, and remembers nothing (the resolvers of some versions of Node keep answers for up to an hour).
 */
export function systemResolver(servers: readonly string[] | undefined, timeoutMs: number): OpenResolver {
  return () => {
    const resolver = new NodeResolver({ timeout: timeoutMs, tries: 2 });
    if (servers !== undefined) resolver.setServers(servers);
    return {
      addresses: async (name, family) => {
        const ask = family === 4 ? resolver.resolve4(name, { ttl: true }) : resolver.resolve6(name, { ttl: true });
        const records = await orEmpty(ask);
        return records.map(({ address, ttl }) => ({ address, ttlMs: ttl * 1_000 }));
      },
      targets: (name) => orEmpty(resolver.resolveSrv(name)),
      cancel: () => resolver.cancel(),
    };
  };
}

/** Whether Node takes these for the addresses of servers. */
export function acceptsServers(servers: readonly string[]): boolean {
  try {
    new NodeResolver().setServers(servers);
    return true;
  } catch {
    return false;
  }
}

async function orEmpty<T>(answer: Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await answer;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    if (code === 'ENOTFOUND' || code === 'ENODATA') return [];
    throw error;
  }
}
