import { pickGrouped } from '../../src/balancer/grouped.ts';
import { resolveHealth } from '../../src/balancer/health-options.ts';
import type { LoadReport } from '../../src/balancer/load-report.ts';
import type { Node } from '../../src/balancer/node.ts';
import { NodeSet } from '../../src/balancer/node-set.ts';
import type { Picker } from '../../src/balancer/picker.ts';
import { nearest } from '../../src/balancer/preference.ts';
import { SoftNack } from '../../src/balancer/soft-nack.ts';
import { type Backoff, fullJitter } from '../../src/core/backoff.ts';
import { Context } from '../../src/core/context.ts';
import type { Endpoint } from '../../src/core/endpoint.ts';
import { RefusedError } from '../../src/core/errors.ts';
import { Events } from '../../src/core/events.ts';
import { integers, type Random } from '../../src/core/random.ts';
import { resolveHedge } from '../../src/filters/hedge-options.ts';
import { Hedging } from '../../src/filters/hedging.ts';
import { RetryBudget } from '../../src/filters/retry-budget.ts';
import { resolveRetry } from '../../src/filters/retry-options.ts';
import type { Engine } from './engine.ts';
import type { Lane } from './lane.ts';
import type { Policy } from './policy.ts';
import type { Answer, Job, Server } from './server.ts';
import type { Ending, Tally } from './tally.ts';

const SERVICE = 'players';
const GET = { operation: 'GET', idempotent: true };
const HEALTH = resolveHealth('health');
const RETRY = resolveRetry('retry');
const HEDGE = resolveHedge('hedge', {});

/** What all clients of a run have in common. */
export interface World {
  readonly engine: Engine;
  readonly servers: readonly Server[];
  readonly endpoints: readonly Endpoint[];
  readonly tally: Tally;
  /** Takes a message to a server, or back. */
  readonly network: Lane;
  /** The same between two zones. */
  readonly far: Lane;
  /** Ends calls that take too long. */
  readonly deadlines: Lane;
}

export function nameOf(zone: number): string {
  return `z-${zone}`;
}

/** An endpoint for each server; its port tells which. They are in so many zones in turn. */
export function endpointsOf(servers: number, zones?: number): readonly Endpoint[] {
  return Array.from({ length: servers }, (_, index) => ({
    id: `p-${String(index).padStart(6, '0')}`,
    service: SERVICE,
    host: '10.0.0.1',
    port: index + 1,
    protocol: 'http',
    attributes: zones === undefined ? {} : { zone: nameOf(index % zones) },
    weight: 1,
    generation: 1,
  }));
}

/**
 * One process that calls the service, with a set of nodes and a picker of its own: those of the library. What its hinge, its filters and its
 * transport do with promises is done here with events.
 */
export class Client {
  readonly world: World;
  readonly nodes: NodeSet;
  /** `undefined` when it never sends again. */
  readonly budget: RetryBudget | undefined;
  readonly backoff: Backoff;
  readonly hedging: Hedging | undefined;
  readonly reports: boolean;
  /** `undefined` when no server is asked to refuse. */
  readonly softNack: SoftNack | undefined;
  /** Where it is; `undefined` where there are no zones. */
  readonly zone: string | undefined;
  readonly #draw: (() => number) | undefined;

  constructor(world: World, picker: Picker, policy: Policy, random: Random, zone?: string) {
    const { engine, endpoints } = world;
    this.world = world;
    this.zone = zone;
    const layout =
      zone === undefined || policy.everywhere
        ? undefined
        : { prefer: nearest({ zone }), minimum: 2, subset: false as const, client: '' };
    if (layout !== undefined) this.#draw = integers(random);
    this.nodes = new NodeSet({
      service: SERVICE,
      layout,
      clock: engine,
      random,
      events: EVENTS,
      health: policy.unjudged ? false : HEALTH,
      picker,
      unreachable: () => {},
      retired: () => {},
    });
    this.nodes.update(endpoints, NO_SUSPECTS);
    this.reports = policy.reports ?? policy.nack ?? false;
    if (policy.nack) this.softNack = new SoftNack(this.nodes);
    this.backoff = fullJitter(RETRY.baseMs, RETRY.maxMs, random);
    if (policy.retries) this.budget = new RetryBudget(RETRY.budgetRatio, RETRY.budgetPerSecond, engine.now());
    if (policy.hedging) this.hedging = new Hedging(HEDGE, engine.now());
  }

  pick(ctx: Context, now: number): Node {
    const { picker, nodes, panicking } = this.nodes;
    const groups = this.nodes.groupsAt(now);
    const node =
      groups === undefined || this.#draw === undefined
        ? picker.pick(nodes, ctx, now, panicking)
        : pickGrouped(groups, picker, this.#draw, ctx, now, panicking);
    if (node === undefined) throw new Error('a set of nodes is empty');
    return node;
  }

  /** Whether a server is in another zone. */
  away({ endpoint }: Node): boolean {
    return this.zone !== endpoint.attributes['zone'];
  }

  /** `counted`: whether it is to be seen in the figures. `ended` is called when nothing of it is under way any more for who made it. */
  call(workMs: number, counted: boolean, ended: () => void): void {
    new Call(this, workMs, counted, ended).begin();
  }
}

const EVENTS = new Events();
/** What `classify` makes of a refusal. */
const BUSY = new RefusedError(SERVICE, 'busy', 'busy');
const NO_SUSPECTS: ReadonlySet<string> = new Set();

class Call {
  readonly client: Client;
  readonly workMs: number;
  readonly #ctx: Context;
  readonly #counted: boolean;
  readonly #ended: () => void;
  /** Those under way. */
  readonly #attempts: Attempt[] = [];
  #expiry = 0;
  #over = false;

  constructor(client: Client, workMs: number, counted: boolean, ended: () => void) {
    this.client = client;
    this.workMs = workMs;
    this.#counted = counted;
    this.#ended = ended;
    this.#ctx = new Context(SERVICE, GET, client.world.engine.now());
  }

  begin(): void {
    const { world, budget, hedging } = this.client;
    const now = world.engine.now();
    budget?.deposit(now);
    if (world.deadlines.delayMs !== Number.POSITIVE_INFINITY)
      this.#expiry = world.deadlines.add(now, () => this.#expire());
    this.#send();
    const afterMs = hedging?.begin(now);
    if (afterMs !== undefined) world.engine.schedule(now + afterMs, () => this.#hedge());
  }

  /** An attempt was answered. */
  answered(attempt: Attempt, answer: Answer): void {
    this.#attempts.splice(this.#attempts.indexOf(attempt), 1);
    if (answer === 'busy') {
      this.#ctx.refusals++;
      this.#send();
    } else if (answer === 'success') {
      for (const other of this.#attempts) other.giveUp('ignorable');
      this.#end('success');
    } else if (this.#attempts.length === 0 && !this.#sendAgain(attempt)) {
      this.#end('failure');
    }
  }

  #send(): void {
    const { client } = this;
    const now = client.world.engine.now();
    const ctx = this.#ctx.fork(now);
    const { nodes } = client;
    const node = client.pick(ctx, now);
    ctx.endpoint = node.endpoint;
    ctx.limit = client.softNack?.limit(node, ctx, now);
    nodes.begin(node, ctx, now);
    if (this.#counted) client.world.tally.sent++;
    if (this.#counted && client.away(node)) client.world.tally.away++;
    const attempt = new Attempt(this, ctx, node);
    this.#attempts.push(attempt);
    attempt.begin();
  }

  #sendAgain({ ctx }: Attempt): boolean {
    const { budget, backoff, world } = this.client;
    const now = world.engine.now();
    if (budget === undefined || ctx.counted >= RETRY.attempts || !budget.withdraw(now)) return false;
    world.engine.schedule(now + backoff(ctx.counted - 1), () => {
      if (!this.#over) this.#send();
    });
    return true;
  }

  #hedge(): void {
    if (!this.#over && this.client.hedging?.granted(this.client.world.engine.now())) this.#send();
  }

  #expire(): void {
    for (const attempt of this.#attempts) attempt.giveUp('failure');
    this.#end('timeout');
  }

  #end(ending: Ending): void {
    const { world, hedging } = this.client;
    this.#over = true;
    const latencyMs = world.engine.now() - this.#ctx.startedAt;
    if (ending !== 'timeout') world.deadlines.cancel(this.#expiry);
    if (ending === 'success') hedging?.add(latencyMs);
    if (this.#counted) world.tally.add(ending, latencyMs);
    this.#ended();
  }
}

class Attempt implements Job {
  readonly ctx: Context;
  readonly workMs: number;
  readonly limit: number | undefined;
  arrivedAt = 0;
  others = -1;
  abandoned = false;
  readonly #call: Call;
  readonly #node: Node;
  readonly #way: Lane;
  #settled = false;

  constructor(call: Call, ctx: Context, node: Node) {
    this.#call = call;
    this.ctx = ctx;
    this.#node = node;
    const { client } = call;
    this.#way = client.away(node) ? client.world.far : client.world.network;
    this.workMs = call.workMs;
    this.limit = ctx.limit;
  }

  begin(): void {
    this.#way.add(this.#call.client.world.engine.now(), () => this.#server?.arrive(this));
  }

  /** Nobody waits for it any more, which the server learns. */
  giveUp(outcome: 'failure' | 'ignorable'): void {
    this.settle(outcome);
    this.#way.add(this.#call.client.world.engine.now(), () => this.#server?.abandon(this));
  }

  get #server(): Server | undefined {
    return this.#call.client.world.servers[this.#node.endpoint.port - 1];
  }

  answer(answer: Answer, server: Server): void {
    if (this.#settled) return;
    const { reports, softNack, world } = this.#call.client;
    const load = reports ? server.load() : undefined;
    this.#way.add(world.engine.now(), () => {
      if (this.#settled) return;
      const now = world.engine.now();
      if (answer === 'busy') {
        softNack?.refused(now - this.ctx.startedAt, now);
        this.ctx.error = BUSY;
      }
      this.settle(answer === 'busy' ? 'ignorable' : answer, load);
      this.#call.answered(this, answer);
    });
  }

  /** It is over for the balancer. */
  settle(outcome: 'success' | 'failure' | 'ignorable', load?: LoadReport): void {
    const { nodes, world } = this.#call.client;
    this.#settled = true;
    const now = world.engine.now();
    if (load !== undefined) nodes.reported(this.#node, load, now);
    nodes.end(this.#node, this.ctx);
    nodes.report(this.#node, outcome, this.ctx, now);
  }
}
