import type { Clock } from '../core/clock.ts';
import type { Context } from '../core/context.ts';
import type { Endpoint } from '../core/endpoint.ts';
import type { Events } from '../core/events.ts';
import type { Random } from '../core/random.ts';
import { Health, type ResolvedHealth } from './health.ts';
import { Node } from './node.ts';

interface NodeSetScope {
  readonly service: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: Events;
  readonly health: ResolvedHealth | false;
  /** Told when an endpoint could not be reached, for discovery. */
  readonly unreachable: (id: string) => void;
  /** Told when an endpoint is no longer in the set, for whoever holds connections to it. */
  readonly retired: (endpoint: Endpoint) => void;
}

/** The nodes of one service and query. An update keeps every node whose process stays, with its load and its health. */
export class NodeSet {
  readonly #scope: NodeSetScope;
  readonly #byId = new Map<string, Node>();
  /** Counts the updates, so that those whom one did not mention are told by their number. */
  #updates = 0;
  #down = 0;
  #filled = false;
  /** Replaced whole by an update, never changed: a picker may hold on to it for the length of a pick. */
  nodes: readonly Node[] = [];

  constructor(scope: NodeSetScope) {
    this.#scope = scope;
  }

  /**
   * Whether so many of those that can be reached are down that their judges are more likely wrong than they are: then all of these are
   * used. One that refuses connections is not: sending to it could only fail.
   */
  get panicking(): boolean {
    if (this.#down * 2 <= this.nodes.length) return false;
    let reachable = 0;
    let doubted = 0;
    const now = this.#scope.clock.now();
    for (const { health } of this.nodes) {
      if (health.unreachable) continue;
      reachable++;
      if (health.fitness(now) !== 'up') doubted++;
    }
    return doubted * 2 > reachable;
  }

  get down(): number {
    return this.#down;
  }

  /** Takes over who is in the set now. It costs little more than a look at each, but for those that are new. */
  update(endpoints: readonly Endpoint[], suspects: ReadonlySet<string>): void {
    const before = this.nodes;
    const nodes: Node[] = [];
    const update = ++this.#updates;
    let next = 0;
    for (const endpoint of endpoints) {
      // Both are in the order of ids, so the next one mostly is the one that is looked for.
      const hinted = before[next]?.endpoint === endpoint ? before[next] : this.#byId.get(endpoint.id);
      if (hinted?.seenIn === update) continue; // listed twice
      const same = hinted !== undefined && sameProcess(hinted.endpoint, endpoint);
      const node = same ? hinted : this.#create(endpoint);
      node.endpoint = endpoint;
      node.suspect = suspects.size > 0 && suspects.has(endpoint.id);
      node.seenIn = update;
      nodes.push(node);
      for (let one = before[next]; one !== undefined && one.endpoint.id <= endpoint.id; one = before[next]) next++;
    }
    for (const node of before) if (node.seenIn !== update) this.#retire(node);
    this.nodes = nodes;
    // Those of the first fill share the load as they are; one that joins later is warmed up.
    if (endpoints.length > 0) this.#filled = true;
  }

  /** Monotonic milliseconds at which an endpoint last answered well; `-Infinity` when it has not. */
  answeredAt(id: string): number {
    return this.#byId.get(id)?.succeededAt ?? Number.NEGATIVE_INFINITY;
  }

  begin(node: Node, ctx: Context, now: number): void {
    node.running++;
    node.health.begin(now, ctx);
  }

  end(node: Node): void {
    node.running--;
  }

  /** Takes the outcome of an attempt into account: how well the node is, and how long it takes. */
  report(
    node: Node,
    outcome: 'success' | 'failure' | 'unreachable' | 'ignorable',
    ctx: Context,
    now: number = this.#scope.clock.now(),
  ): void {
    const { events, health, service } = this.#scope;
    if (outcome === 'success') {
      node.succeededAt = now;
      node.latency.add(now - ctx.startedAt);
    }
    if (outcome === 'unreachable') this.#scope.unreachable(node.endpoint.id);
    if (health === false) return;
    if (outcome === 'ignorable') {
      node.health.ignore(ctx);
    } else if (outcome === 'success') {
      if (!node.health.succeed(now, ctx) || node.retired) return;
      this.#down--;
      events.emit('endpoint', { service, endpoint: node.endpoint.id, health: 'up', reason: 'its probe succeeded' });
    } else {
      const reason = node.health.fail(
        now,
        ctx,
        outcome === 'unreachable',
        () => (this.#down + 1) * 2 <= this.nodes.length,
      );
      if (reason === undefined || node.retired) return;
      this.#down++;
      events.emit('endpoint', { service, endpoint: node.endpoint.id, health: 'down', reason });
    }
  }

  #create(endpoint: Endpoint): Node {
    const { clock, health, random } = this.#scope;
    const now = clock.now();
    const rampFrom = this.#filled ? now : Number.NEGATIVE_INFINITY;
    const options = health === false ? NEVER : health;
    const node = new Node(endpoint, new Health(options, random, rampFrom));
    this.#byId.set(endpoint.id, node);
    return node;
  }

  #retire(node: Node): void {
    if (node.health.fitness(this.#scope.clock.now()) !== 'up') this.#down--;
    node.retired = true;
    // A new process may have taken the place of its id.
    if (this.#byId.get(node.endpoint.id) === node) this.#byId.delete(node.endpoint.id);
    this.#scope.retired(node.endpoint);
  }
}

const NEVER: ResolvedHealth = { failures: 1, successRatio: 0, minimum: 1, restMs: 1, maxRestMs: 1, slowStartMs: 0 };

/** Whether two descriptions are of the same process at the same address. */
function sameProcess(a: Endpoint, b: Endpoint): boolean {
  return a.generation === b.generation && a.port === b.port && a.host === b.host && a.protocol === b.protocol;
}
