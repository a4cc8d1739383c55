import type { ResolvedChecks } from '../../balancer/check-options.ts';
import type { Finding } from '../../balancer/checker.ts';
import type { Clock } from '../../core/clock.ts';
import type { Endpoint } from '../../core/endpoint.ts';
import { messageOf } from '../../core/errors.ts';
import type { Metrics } from '../../core/metrics.ts';
import { type AddressRule, defaultAddresses } from '../../discovery/address.ts';
import { guardedLookup } from '../guarded-lookup.ts';
import type { CheckScope, Open } from './check-scope.ts';
import { checkConnection } from './connection-check.ts';
import { checkHttp } from './http-check.ts';

interface ChecksParts {
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** The service that asks. */
  readonly caller: string;
  readonly addresses?: AddressRule | undefined;
}

interface Last {
  readonly what: string;
  readonly at: number;
  readonly finding: Promise<Finding>;
}

/**
 * The checks of a mesh, counted in `checks{service, result}`. However many clients follow a service, an endpoint has one check under way at most, and what it came to is news to all who ask
 * the same within half an interval.
 *
 * A check has a connection of its own, made as those of calls are, which is closed after it: among the calls it would wait for a free
 * connection, and a server that is only busy would look unwell. The process does not stay alive for one.
 */
export class EndpointChecks {
  readonly #scope: CheckScope;
  readonly #metrics: Metrics;
  readonly #underWay = new Map<string, Last>();
  readonly #last = new WeakMap<Endpoint, Last>();
  readonly #open = new Set<Open>();
  #closed = false;

  constructor({ clock, metrics, caller, addresses = defaultAddresses }: ChecksParts) {
    this.#metrics = metrics;
    const opened: CheckScope['opened'] = (one, closed) => {
      this.#open.add(one);
      closed(() => this.#open.delete(one));
    };
    this.#scope = { clock, caller, lookup: guardedLookup(addresses), opened };
  }

  readonly check = (endpoint: Endpoint, options: ResolvedChecks): Promise<Finding> | undefined => {
    const { path, method, status, intervalMs, timeoutMs } = options;
    if (this.#closed) return undefined;
    const what = `${method} ${path} ${status} ${timeoutMs}`;
    const where = `${endpoint.protocol} ${endpoint.host} ${endpoint.port} ${endpoint.id}`;
    const now = this.#scope.clock.now();
    const underWay = this.#underWay.get(where);
    if (underWay !== undefined) return underWay.what === what ? underWay.finding : undefined;
    const last = this.#last.get(endpoint);
    if (last?.what === what && now - last.at < intervalMs / 2) return last.finding;
    const asked =
      path === false
        ? checkConnection(endpoint, timeoutMs, this.#scope)
        : checkHttp(endpoint, { path, method, status, timeoutMs }, this.#scope);
    // What Node refuses to try, it throws; nobody who waits for a finding expects that.
    const finding = asked.catch((error: unknown): Finding => ({ found: 'failing', reason: messageOf(error) }));
    const made = { what, at: now, finding };
    this.#underWay.set(where, made);
    this.#last.set(endpoint, made);
    void finding.then(({ found }) => {
      this.#underWay.delete(where);
      if (!this.#closed) this.#metrics.counter('checks', { service: endpoint.service, result: found }).add();
    });
    return finding;
  };

  /** Breaks off what is under way; nothing is checked after that. */
  close(): void {
    this.#closed = true;
    for (const one of this.#open) one.destroy();
    this.#open.clear();
  }
}
