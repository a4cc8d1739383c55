import type { Address, OpenResolver, Target } from '../../src/discovery/dns/resolver.ts';

/** What a fake DNS does with a question. */
type Outcome<T> = readonly T[] | Error | Promise<readonly T[]>;

/** A DNS without servers, sockets and time, whose zone a test writes. Names that are not in it have an empty answer. */
export class FakeDns {
  readonly ipv4 = new Map<string, Outcome<Address>>();
  readonly ipv6 = new Map<string, Outcome<Address>>();
  readonly srv = new Map<string, Outcome<Target>>();
  /** All that was asked so far, such as `A players.example`. */
  readonly asked: string[] = [];
  /** Resolvers that were made and not cancelled yet. */
  open = 0;
  /** Questions on their way, and the most there were at the same time. */
  pending = 0;
  mostPending = 0;

  readonly openResolver: OpenResolver = () => {
    let cancelled = false;
    this.open++;
    return {
      addresses: (name, family) =>
        this.#ask(family === 4 ? 'A' : 'AAAA', name, (family === 4 ? this.ipv4 : this.ipv6).get(name)),
      targets: (name) => this.#ask('SRV', name, this.srv.get(name)),
      cancel: () => {
        if (!cancelled) this.open--;
        cancelled = true;
      },
    };
  };

  /** Addresses of a name, good for `ttlMs`. */
  put(name: string, addresses: readonly string[], ttlMs = 10_000): void {
    this.ipv4.set(
      name,
      addresses.map((address) => ({ address, ttlMs })),
    );
  }

  async #ask<T>(type: string, name: string, outcome: Outcome<T> = []): Promise<readonly T[]> {
    this.asked.push(`${type} ${name}`);
    this.pending++;
    this.mostPending = Math.max(this.mostPending, this.pending);
    try {
      // Like a real one, it never answers at once.
      await Promise.resolve();
      if (outcome instanceof Error) throw outcome;
      return await outcome;
    } finally {
      this.pending--;
    }
  }
}
