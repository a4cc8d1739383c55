import type { EventEmitter } from 'node:events';
import type { LayoutOptions } from '../balancer/cells.ts';
import { Checker } from '../balancer/checker.ts';
import type { Node } from '../balancer/node.ts';
import { NodeSet } from '../balancer/node-set.ts';
import { SoftNack } from '../balancer/soft-nack.ts';
import type { Outages } from '../breaker/outages.ts';
import { ServiceBreaker } from '../breaker/service-breaker.ts';
import { CodelQueue } from '../core/codel-queue.ts';
import type { Context } from '../core/context.ts';
import { ClosedError, NoEndpointsError } from '../core/errors.ts';
import type { NameOverride } from '../core/name-override.ts';
import { Turns } from '../core/turns.ts';
import type { CombinedView } from '../discovery/compose/combination.ts';
import type { NameStep } from '../discovery/delegation/name-step.ts';
import type { Named, Naming } from '../discovery/delegation/naming.ts';
import { firstAnswerMs } from '../discovery/first-answer.ts';
import type { Instance } from '../discovery/registry.ts';
import { AnswerCache } from '../filters/answer-cache.ts';
import type { RunningByKey } from '../filters/bulkhead.ts';
import type { InFlight } from '../filters/concurrency.ts';
import { FailureRun } from '../filters/failure-run.ts';
import { Hedging } from '../filters/hedging.ts';
import { RetryBudget } from '../filters/retry-budget.ts';
import type { Flights } from '../filters/single-flight.ts';
import { StaleAnswers } from '../filters/stale-answers.ts';
import { type Asked, createAsked } from '../filters/throttle.ts';
import { UnreadBodies } from '../filters/unread-bodies.ts';
import { Emptiness } from './emptiness.ts';
import { preferencesOf } from './locality-options.ts';
import { TargetAgents } from './node-http/target-agents.ts';
import type { Owner } from './owner.ts';
import type { Parts } from './parts.ts';
import type { ResolvedService } from './settings.ts';
import { TargetPools } from './target-pools.ts';

/** A view with so many more endpoints than there are nodes is taken over in slices. */
const MANY = 1_000;
/** Nodes made between two looks at the clock. */
const LOOK_EVERY = 64;

interface TargetParts {
  readonly service: string;
  readonly settings: ResolvedService;
  /** Names that stand for others in the calls of this target. */
  readonly override?: NameOverride | undefined;
  /** Those of the target without these names, of which a cache is a part: it tells apart what was asked under other names. */
  readonly answers?: AnswerCache | undefined;
  readonly rotation: EventEmitter;
  readonly outages: Outages;
  readonly naming: Naming;
  readonly parts: Parts;
  /** The target of another service. */
  readonly beside: (service: string) => Target;
}

/** One service as one set of settings calls it: everything that its calls share, whichever client makes them. */
export class Target {
  readonly service: string;
  readonly settings: ResolvedService;
  readonly nodes: NodeSet;
  readonly softNack: SoftNack | undefined;
  readonly breaker: ServiceBreaker | undefined;
  readonly retrying: { readonly budget: RetryBudget; readonly failures: FailureRun };
  /** Knows when a call is late; `undefined` when none is sent twice for that. */
  readonly hedging: Hedging | undefined;
  readonly inFlight: InFlight = { running: 0 };
  /** What waits to be one of them; only with a queue. */
  readonly queue: CodelQueue | undefined;
  /** Copies of its calls that are under way to another service. */
  readonly copies: InFlight = { running: 0 };
  /** Requests that others may wait for as well; only with single-flight. */
  readonly flights: Flights = new Map();
  /** The answers that a cache keeps; only with one. */
  readonly answers: AnswerCache | undefined;
  /** The last good answers; only where they are wanted. */
  readonly stale: StaleAnswers | undefined;
  /** The same by whom they are for; only with a bulkhead. */
  readonly runningByKey: RunningByKey = new Map();
  /** What became of its attempts; only with a throttle. */
  readonly asked: Asked | undefined;
  readonly unread = new UnreadBodies();
  /** Its connections over undici. */
  readonly pools: TargetPools;
  /** Its connections over `node:http`. */
  readonly agents: TargetAgents;
  /** The target of another service, as the same mesh calls it. */
  readonly beside: (service: string) => Target;
  readonly #checker: Checker | undefined;
  readonly #parts: Parts;
  readonly #named: Named;
  /** The view that was told last, and the one whose endpoints are the nodes. */
  #latest: CombinedView;
  #taken: CombinedView | undefined;
  /** Settles when the nodes are those of the latest view; `undefined` while they are. */
  #filling: Promise<void> | undefined;
  #changed: (() => void)[] = [];
  #closed = false;
  readonly #emptiness: Emptiness;

  constructor({ service, settings, override, answers, rotation, outages, naming, parts, beside }: TargetParts) {
    const { clock, random, events } = parts;
    this.service = service;
    this.settings = settings;
    this.beside = beside;
    this.#parts = parts;
    this.#emptiness = new Emptiness(service, settings.where, parts);
    this.nodes = new NodeSet({
      service,
      layout: layoutOf(service, settings, parts),
      clock,
      random,
      events,
      health: settings.health,
      picker: settings.balancer.makePicker(random, clock),
      unreachable: (id) => this.#named.watch.failed(id),
      retired: (node) => {
        this.pools.letGo(node);
        parts.agents.letGo(node);
      },
    });
    const owner: Owner = {
      service,
      // Names that requests bring are many, and each has few calls.
      settings: override === undefined ? settings.connections : { ...settings.connections, warm: false },
      random,
      called: () => this.nodes.calledAt(clock.now()),
    };
    this.pools = new TargetPools(parts.pools, owner);
    this.agents = new TargetAgents(parts.agents, owner);
    if (settings.balancer.softNack) this.softNack = new SoftNack(this.nodes);
    if (settings.breaker !== false)
      this.breaker = new ServiceBreaker(settings.breaker, {
        service,
        clock,
        random,
        outages,
        rotation,
        recovered: () => this.#recovered(),
      });
    const { budgetRatio, budgetPerSecond } = settings.retry || { budgetRatio: 0, budgetPerSecond: 0 };
    this.retrying = { budget: new RetryBudget(budgetRatio, budgetPerSecond, clock.now()), failures: new FailureRun() };
    if (settings.queue !== false) this.queue = new CodelQueue(settings.queue, clock);
    if (settings.throttle !== false) this.asked = createAsked(clock.now());
    if (settings.cache !== false) this.answers = answers ?? new AnswerCache(settings.cache);
    if (settings.fallback !== false && settings.fallback.staleMs !== false)
      this.stale = new StaleAnswers(settings.fallback.staleMs);
    const wanted = { service, where: settings.where, override };
    if (settings.hedge !== false) this.hedging = new Hedging(settings.hedge, clock.now());
    this.#named = naming.watch(wanted, (view) => this.#apply(view), this.nodes);
    this.#latest = this.view;
    this.#apply(this.#latest);
    const { checks: options } = settings;
    if (options !== false)
      this.#checker = new Checker({ nodes: this.nodes, options, clock, random, check: parts.checks.check });
  }

  get view(): CombinedView {
    return this.#named.watch.view;
  }

  /** The way that the name takes through rules and overrides; `undefined` when it is looked up as it is. */
  get path(): NameStep | undefined {
    return this.#named.path();
  }

  /** Whether it can be forgotten: nobody is being called. */
  get idle(): boolean {
    return this.inFlight.running === 0 && this.nodes.nodes.every(({ running }) => running === 0);
  }

  /** Resolves when there is somebody to call; rejects with what is known and why there is not. Waits only for a first answer. */
  async filled(ctx: Context): Promise<void> {
    if (this.#closed) throw new ClosedError(this.service);
    if (this.view.state === 'pending') await this.#firstAnswer(ctx);
    // What is known may not have been told yet, or its nodes may still be in the making.
    if (this.#latest.revision !== this.view.revision) this.#apply(this.view);
    await this.#filling;
    if (this.nodes.nodes.length > 0) return;
    throw new NoEndpointsError(this.service, await this.#emptiness.why(this.view, this.#named.services, ctx));
  }

  close(): void {
    this.#closed = true;
    this.#named.watch.close();
    this.#checker?.stop();
    this.breaker?.close();
    this.nodes.update([], new Set());
  }

  /** All of the service was away: its endpoints rest for that, and the first one that is found well would be given all calls. */
  #recovered(): void {
    const now = this.#parts.clock.now();
    for (const { health } of this.nodes.nodes) health.hurry(now);
  }

  #apply(view: CombinedView): void {
    this.#latest = view;
    if (this.#filling !== undefined) return;
    const many = view.instances.length - this.nodes.nodes.length > MANY;
    if (!many) {
      this.nodes.update(this.#meant(view), view.suspects, view.groups);
      this.#took(view);
      return;
    }
    this.#filling = this.#fill().then(() => {
      this.#filling = undefined;
      if (this.#latest !== this.#taken && !this.#closed) this.#apply(this.#latest);
    });
  }

  /** Takes over the latest view once there is a node for each of its endpoints: to make thousands in one go would hold everybody up. */
  async #fill(): Promise<void> {
    const turns = new Turns(this.#parts.clock);
    while (this.#latest !== this.#taken) {
      const view = this.#latest;
      const nodes: Node[] = [];
      for (const endpoint of this.#meant(view)) {
        nodes.push(this.nodes.nodeOf(endpoint));
        if (nodes.length % LOOK_EVERY > 0 || !turns.over) continue;
        await turns.next();
        if (this.#closed) return;
        if (view !== this.#latest) break;
      }
      if (view !== this.#latest) continue;
      this.nodes.adopt(nodes, view.suspects, view.groups);
      this.#took(view);
    }
  }

  #meant({ instances }: CombinedView): readonly Instance[] {
    const { where } = this.settings;
    return where.open ? instances : instances.filter((one) => where.matches(one));
  }

  #took(view: CombinedView): void {
    this.#taken = view;
    this.pools.follow();
    this.agents.follow();
    if (view.state === 'pending') return;
    const changed = this.#changed;
    this.#changed = [];
    for (const resolve of changed) resolve();
  }

  async #firstAnswer(ctx: Context): Promise<void> {
    const { clock, startedAt } = this.#parts;
    const waitMs = firstAnswerMs(startedAt, clock.now());
    await new Promise<void>((resolve, reject) => {
      const timer = clock.after(waitMs, resolve);
      this.#changed.push(() => {
        timer.cancel();
        resolve();
      });
      ctx.onCancel((reason) => {
        timer.cancel();
        reject(reason);
      });
    });
  }
}

function layoutOf(service: string, { locality, subset }: ResolvedService, { self, metrics }: Parts): LayoutOptions {
  return {
    prefer: locality === false ? false : preferencesOf(locality, self.attributes),
    minimum: locality === false ? 1 : locality.minimum,
    subset: subset === false ? false : subset.size,
    client: self.id,
    placed: (place) => metrics.counter('attempts_by_place', { service, place }),
  };
}
