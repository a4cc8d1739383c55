import http from 'node:http';
import https from 'node:https';
import type { LookupFunction } from 'node:net';
import { type Clock, systemClock } from '../../core/clock.ts';
import { ClosedError } from '../../core/errors.ts';
import { type Random, systemRandom } from '../../core/random.ts';
import { type AddressRule, defaultAddresses } from '../../discovery/address.ts';
import type { ResolvedConnections } from '../connection-options.ts';
import { guardedLookup } from '../guarded-lookup.ts';
import { KeptSockets, type Sender } from './kept-sockets.ts';
import { SocketsAhead } from './sockets-ahead.ts';

interface AgentsParts {
  readonly addresses?: AddressRule | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

/** The connections of clients that are built on `node:http` and bring no agent of their own, used as one set of settings says. */
export interface Agents {
  readonly http: http.Agent;
  readonly https: https.Agent;
  readonly kept: KeptSockets;
  /** What is made ahead for the two. */
  readonly ahead: { readonly http: SocketsAhead; readonly https: SocketsAhead };
  /** How the host name of an endpoint is looked up, for a client that has, or has not, a way of its own. */
  readonly lookup: (own: LookupFunction | undefined) => LookupFunction;
}

/** All such connections of a mesh. */
export class NodeAgents {
  readonly #bySettings = new Map<string, Agents>();
  readonly #addresses: AddressRule;
  readonly #lookup: LookupFunction;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor({ addresses = defaultAddresses, clock = systemClock, random = systemRandom }: AgentsParts = {}) {
    this.#addresses = addresses;
    this.#lookup = guardedLookup(addresses);
    this.#clock = clock;
    this.#random = random;
  }

  /** The agents for these settings, shared by all services that have the same. */
  for(settings: ResolvedConnections): Agents {
    const { max, idleMs, maxAgeMs } = settings;
    const key = `${max} ${idleMs} ${maxAgeMs}`;
    let agents = this.#bySettings.get(key);
    if (agents === undefined) {
      const kept = new KeptSockets(settings, this.#clock, this.#random);
      // By itself an agent keeps no more than 256 that are unused.
      const options = { keepAlive: true, maxSockets: max, maxFreeSockets: max };
      const [plain, secure] = [kept.keptBy(new http.Agent(options)), kept.keptBy(new https.Agent(options))];
      agents = {
        http: plain,
        https: secure,
        kept,
        ahead: {
          http: new SocketsAhead(plain, this.#clock, idleMs),
          https: new SocketsAhead(secure, this.#clock, idleMs),
        },
        lookup: (own) => (own === undefined ? this.#lookup : guardedLookup(this.#addresses, own)),
      };
      this.#bySettings.set(key, agents);
    }
    return agents;
  }

  /** A node was retired: it sends nothing more. */
  letGo(node: Sender): void {
    for (const { kept, ahead } of this.#bySettings.values()) {
      kept.letGo(node);
      ahead.http.letGo(node);
      ahead.https.letGo(node);
    }
  }

  /** Closes all of them at once; what waits or is still under way fails with a `ClosedError`. */
  close(): void {
    for (const { http: plain, https: secure } of this.#bySettings.values()) {
      for (const agent of [plain, secure]) {
        failWaiting(agent);
        for (const sockets of Object.values(agent.sockets))
          for (const socket of sockets ?? []) socket.destroy(new ClosedError());
        agent.destroy();
      }
    }
  }
}

/** Fails what waits for a connection: one would be made for it as soon as another is closed. */
function failWaiting({ requests }: http.Agent): void {
  for (const [name, waiting] of Object.entries(requests)) {
    Reflect.deleteProperty(requests, name);
    for (const request of waiting ?? []) request.destroy().emit('error', new ClosedError());
  }
}
