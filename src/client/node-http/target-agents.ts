import type { RequestOptions } from 'node:https';
import { FirstConnections } from '../first-connections.ts';
import type { Holder, Owner } from '../owner.ts';
import type { Agents, NodeAgents } from './agents.ts';

/** The connections of one target over `node:http`, shared with all that use theirs in the same way. */
export class TargetAgents {
  readonly #all: NodeAgents;
  readonly #owner: Owner;
  readonly #first: FirstConnections<Holder>;

  constructor(all: NodeAgents, owner: Owner) {
    this.#all = all;
    this.#owner = owner;
    this.#first = new FirstConnections({ ...owner, most: owner.settings.warm, make: (node) => this.#warm(node) });
  }

  /** The agents to send with. */
  get agents(): Agents {
    return this.#all.for(this.#owner.settings);
  }

  /** Told when some may have come: makes first connections to new ones among those called, once anything is sent over these agents at all. */
  follow(): void {
    this.#first.follow();
  }

  /** Told what was sent over an agent of these. What has options of its own for a connection, such as for TLS, would use none that is made without them. */
  sent({ endpoint }: Pick<Holder, 'endpoint'>, options: RequestOptions): void {
    if (this.#first.begun) return;
    const agent = this.agents[endpoint.protocol];
    const { service } = this.#owner;
    const name = agent.getName({ ...options, servername: options.servername ?? service });
    if (name === agent.getName(this.#address(endpoint))) this.#first.begin();
  }

  async #warm(node: Holder): Promise<void> {
    const { agents } = this;
    await agents.ahead[node.endpoint.protocol].make(this.#address(node.endpoint), node);
  }

  #address({ host, port }: Holder['endpoint']): RequestOptions {
    return { host, port, servername: this.#owner.service, lookup: this.agents.lookup(undefined) };
  }
}
