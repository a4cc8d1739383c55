import type { Clock } from '../core/clock.ts';
import type { Context } from '../core/context.ts';
import type { Endpoint } from '../core/endpoint.ts';
import type { Events } from '../core/events.ts';
import type { Random } from '../core/random.ts';
import { sameEnds } from '../core/same-ends.ts';
import type { LayoutOptions } from './cells.ts';
import { calledOf, type NodeGroup } from './grouped.ts';
import { type Found, Health } from './health.ts';
import type { ResolvedHealth } from './health-options.ts';
import { type LaidOut, Layout } from './layout.ts';
import { LoadMeans } from './load-means.ts';
import type { LoadReport } from './load-report.ts';
import { Node } from './node.ts';
import type { NodeOutcome, Picker } from './picker.ts';
import { badPriority } from './preference.ts';
import { SetHealth } from './set-health.ts';

interface NodeSetScope {
  readonly service: string;
  /** @default all nodes stand side by side */
  readonly layout?: LayoutOptions | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: Events;
  readonly health: ResolvedHealth | false;
  readonly picker: Picker;
  /** Told when an endpoint could not be reached, for discovery. */
  readonly unreachable: (id: string) => void;
  /** Told when a node is no longer in the set, for whoever holds connections for it. */
  readonly retired: (node: Node) => void;
}

/** Endpoints that get their share of the calls together. */
interface EndpointGroup {
  readonly share: number;
  readonly instances: readonly Endpoint[];
}

/** The nodes of one service and query. An update keeps every node whose process stays, with its load and its health. */
export class NodeSet {
  readonly #scope: NodeSetScope;
  readonly #layout: Layout;
  readonly #byId = new Map<string, Node>();
  /** Whether one of them was suspect after the last update. */
  #doubted = false;
  readonly #health: SetHealth;
  #filled = false;
  #toldPriority = false;
  /** Replaced whole by an update, never changed: a picker may hold on to it for the length of a pick. */
  nodes: readonly Node[] = [];
  /** What is usual among the nodes. */
  readonly means: LoadMeans = new LoadMeans();
  readonly picker: Picker;

  constructor(scope: NodeSetScope) {
    this.#scope = scope;
    this.#health = new SetHealth(scope, scope.clock.now());
    this.picker = scope.picker;
    const { service, events } = scope;
    this.#layout = new Layout(scope.layout ?? SIDE_BY_SIDE, (state, reason) =>
      events.emit('spill', { service, state, reason }),
    );
  }

  /**
   * How calls are split among parts of the nodes now: what names split, the largest share first, and the tiers of a place, the preferred first;
   * `undefined` when they are not. Replaced whole, by an update and when the health of nodes changed.
   */
  groupsAt(now: number): readonly NodeGroup[] | undefined {
    return this.#layout.groups(this.down, now);
  }

  /** The nodes that calls go to now: all of them, unless some are set apart. */
  calledAt(now: number): readonly Node[] {
    const groups = this.groupsAt(now);
    return groups === undefined ? this.nodes : calledOf(groups);
  }

  /** The tiers of the nodes by place, priority and subset, for `explain`; empty when nothing sets some of them apart. */
  laidOutAt(now: number): readonly LaidOut[] {
    return this.#layout.laidOut(this.down, now);
  }

  /** The nodes that may get calls, now or when others are down: all, but for those outside of this client's subsets. */
  get usable(): readonly Node[] {
    return this.#layout.usable;
  }

  /**
   * Whether so many of those that can be reached are down that their judges are more likely wrong than they are: then all of these are
   * used. One that refuses connections is not: sending to it could only fail.
   */
  get panicking(): boolean {
    return this.#health.panicking;
  }

  /** The same, or of a set in tiers whether one of them is used like that. */
  panickingAt(now: number): boolean {
    const laidOut = this.laidOutAt(now);
    if (laidOut.length === 0) return this.panicking;
    return laidOut.some(({ tiers }) => tiers.some(({ panicking }) => panicking === true));
  }

  /** How many are out of use. */
  get down(): number {
    return this.#health.down;
  }

  /**
   * Takes over who is in the set now. Endpoints are in the order of their ids, and the same object while nothing new is said of them, so only
   * what lies between two unchanged ends is looked at closer. `groups` hold endpoints of the set, or some that were left out of it: what is
   * left of them keeps its share among the others.
   */
  update(endpoints: readonly Endpoint[], suspects: ReadonlySet<string>, groups?: readonly EndpointGroup[]): void {
    const before = this.nodes;
    const { first, last } = sameEnds(before, endpoints, (node, endpoint) => node.endpoint === endpoint);
    const between = endpoints.slice(first, endpoints.length - last).map((endpoint) => this.nodeOf(endpoint));
    this.adopt(before.slice(0, first).concat(between, before.slice(before.length - last)), suspects, groups);
  }

  /**
   * The node of an endpoint: the one there is, while its process stays, else a new one, which is not in the set before it is adopted. For who has
   * thousands to make, and makes them a few at a time.
   */
  nodeOf(endpoint: Endpoint): Node {
    const known = this.#byId.get(endpoint.id);
    if (known === undefined || !sameProcess(known.endpoint, endpoint)) return this.#create(endpoint);
    known.endpoint = endpoint;
    return known;
  }

  /** Makes these the nodes of the set, as `update` does; they come from `nodeOf`. */
  adopt(nodes: readonly Node[], suspects: ReadonlySet<string>, groups?: readonly EndpointGroup[]): void {
    const before = this.nodes;
    this.nodes = nodes.some(again) ? nodes.filter((...one) => !again(...one)) : nodes;
    const { first, last } = sameEnds(before, this.nodes, (was, is) => was === is);
    const gone = before.slice(first, before.length - last);
    const come = new Set(gone.length === 0 ? [] : this.nodes.slice(first, this.nodes.length - last));
    for (const node of gone) if (!come.has(node)) this.#retire(node);
    if (suspects.size > 0 || this.#doubted)
      for (const node of this.nodes) node.suspect = suspects.has(node.endpoint.id);
    this.#doubted = suspects.size > 0;
    this.means.weight = this.nodes.reduce((sum, { endpoint }) => sum + endpoint.weight, 0);
    this.#health.adopt(this.nodes, this.#scope.clock.now());
    this.#layout.adopt(this.nodes, groups && groupsOf(groups, this.#byId), this.#scope.clock.now());
    // Those of the first fill share the load as they are; one that joins later is warmed up.
    if (nodes.length > 0) this.#filled = true;
    if (this.#byId.size > this.nodes.length) this.#forgetUnused();
  }

  /** Monotonic milliseconds at which an endpoint last answered well; `-Infinity` when it has not. */
  answeredAt(id: string): number {
    return this.#byId.get(id)?.answeredAt ?? Number.NEGATIVE_INFINITY;
  }

  begin(node: Node, ctx: Context, now: number): void {
    this.means.running++;
    node.begin(ctx);
    if (!node.plain) node.health.begin(now, ctx);
    node.placed?.add();
  }

  end(node: Node, ctx: Context): void {
    if (!node.retired) this.means.running--;
    node.end(ctx);
  }

  /** Takes over what a node said of its load with an answer. */
  reported(node: Node, load: LoadReport, now: number): void {
    node.reported(load, now);
  }

  /** Takes the outcome of an attempt into account: how well the node is, and how long it takes. */
  report(node: Node, outcome: NodeOutcome, ctx: Context, now?: number): void {
    const at = now ?? this.#scope.clock.now();
    if (outcome === 'ignorable') {
      // From its head on it is not the node that an answer waited for.
      const givenUpAt = now ?? ctx.finishedAt;
      if (!node.retired) node.gaveUp(ctx, givenUpAt);
      this.#health.report(node, outcome, ctx, at);
      this.picker.ended?.(node, outcome, ctx, givenUpAt);
      return;
    }
    if (outcome === 'success') {
      if (!node.retired) node.answered(ctx, at);
    } else {
      if (!node.retired) node.failed(at);
      if (outcome === 'unreachable') this.#scope.unreachable(node.endpoint.id);
    }
    this.#health.report(node, outcome, ctx, at);
    this.picker.ended?.(node, outcome, ctx, at);
  }

  /** What the checks of a node found, told when it is something else than before. */
  checked(node: Node, found: Found, reason: string): void {
    this.#health.checked(node, found, reason, this.#scope.clock.now());
  }

  /** Nodes that were made, and then not adopted. */
  #forgetUnused(): void {
    const used = new Set(this.nodes);
    for (const [id, node] of this.#byId) if (!used.has(node)) this.#byId.delete(id);
  }

  #create(endpoint: Endpoint): Node {
    const { clock, health, random } = this.#scope;
    const now = clock.now();
    const rampFrom = this.#filled ? now : Number.NEGATIVE_INFINITY;
    const options = health === false ? NEVER : health;
    const node = new Node(endpoint, new Health(options, random, rampFrom), this.means);
    this.#byId.set(endpoint.id, node);
    this.#checkPriority(endpoint);
    return node;
  }

  /** What is meant as a standby and says so wrongly gets calls like all others: that must not go unnoticed. */
  #checkPriority(endpoint: Endpoint): void {
    const { layout, events, service } = this.#scope;
    if (this.#toldPriority || layout === undefined || layout.prefer === false) return;
    const reason = badPriority(endpoint);
    if (reason === undefined) return;
    this.#toldPriority = true;
    events.emit('rejected', { source: service, id: endpoint.id, reason });
  }

  #retire(node: Node): void {
    this.#health.retire(node);
    node.leave();
    // What it still has on its way is nothing that the others share.
    this.means.running -= node.running;
    // A new process may have taken the place of its id.
    if (this.#byId.get(node.endpoint.id) === node) this.#byId.delete(node.endpoint.id);
    this.#scope.retired(node);
  }
}

/** Whether a node is listed a second time, which is right behind the first in the order of ids. */
function again(node: Node, i: number, nodes: readonly Node[]): boolean {
  return node === nodes[i - 1];
}

function groupsOf(groups: readonly EndpointGroup[], byId: ReadonlyMap<string, Node>): readonly NodeGroup[] | undefined {
  const filled = groups
    .map(({ share, instances }) => ({ share, nodes: instances.flatMap(({ id }) => byId.get(id) ?? []) }))
    .filter(({ nodes }) => nodes.length > 0)
    .sort((a, b) => b.share - a.share);
  if (filled.length < 2) return undefined;
  const total = filled.reduce((sum, { share }) => sum + share, 0);
  return filled.map(({ share, nodes }) => ({ share: share / total, nodes }));
}

const NEVER: ResolvedHealth = {
  failures: 1,
  successRatio: 0,
  minimum: 1,
  outlierRatio: 0,
  slowMs: false,
  restMs: 1,
  maxRestMs: 1,
  slowStartMs: 0,
};

/** Whether two descriptions are of the same process at the same address. */
function sameProcess(a: Endpoint, b: Endpoint): boolean {
  return a.generation === b.generation && a.port === b.port && a.host === b.host && a.protocol === b.protocol;
}

const SIDE_BY_SIDE: LayoutOptions = { prefer: false, minimum: 1, subset: false, client: '' };
