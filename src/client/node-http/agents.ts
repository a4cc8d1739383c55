import http from 'node:http';
import https from 'node:https';
import type { LookupFunction } from 'node:net';
import { ClosedError } from '../../core/errors.ts';
import { type AddressRule, defaultAddresses } from '../../discovery/address.ts';
import { guardedLookup } from '../guarded-lookup.ts';

/** The connections of clients that are built on `node:http` and bring no agent of their own. */
export class NodeAgents {
  readonly http: http.Agent = new http.Agent({ keepAlive: true });
  readonly https: https.Agent = new https.Agent({ keepAlive: true });
  readonly #addresses: AddressRule;
  readonly #lookup: LookupFunction;

  constructor(addresses: AddressRule = defaultAddresses) {
    this.#addresses = addresses;
    this.#lookup = guardedLookup(addresses);
  }

  /** How the host name of an endpoint is looked up, for a client that has, or has not, a way of its own. */
  lookup(own: LookupFunction | undefined): LookupFunction {
    return own === undefined ? this.#lookup : guardedLookup(this.#addresses, own);
  }

  /** Closes all of them at once; what is still under way fails with a `ClosedError`. */
  close(): void {
    for (const agent of [this.http, this.https]) {
      for (const sockets of Object.values(agent.sockets))
        for (const socket of sockets ?? []) socket.destroy(new ClosedError());
      agent.destroy();
    }
  }
}
