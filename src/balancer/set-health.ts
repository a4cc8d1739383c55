import type { Context } from '../core/context.ts';
import type { Events } from '../core/events.ts';
import type { Found } from './health.ts';
import type { ResolvedHealth } from './health-options.ts';
import type { Node } from './node.ts';
import { BUCKET_MS, Peers } from './peers.ts';
import type { NodeOutcome } from './picker.ts';

interface SetHealthScope {
  readonly service: string;
  readonly events: Events;
  readonly health: ResolvedHealth | false;
}

/** A success is slow when it took this many times the mean of all, if it also took longer than the settings say; so is a failure, if it also took this long. */
const SLOW_TIMES = 10;
/** Where all is over in some milliseconds, a collection of garbage is no hang. */
const LONG_MS = 500;
/** What one answer weighs in that mean. */
const WEIGHT = 0.01;

/** The health of the nodes of one set together: who is out, how many may be, and what each is compared with. Nothing is scanned per call. */
export class SetHealth {
  readonly #scope: SetHealthScope;
  readonly #peers: Peers;
  #nodes: readonly Node[] = [];
  /** Of those that are out: how many cannot be reached, and how many have nothing but their success rate against them. */
  #unreachable = 0;
  #outByRate = 0;
  /** Mean time to a successful answer of any of them; kept only where it is asked for, and NaN before the first. Milliseconds. */
  #latencyMs: number = Number.NaN;

  constructor(scope: SetHealthScope, now: number) {
    this.#scope = scope;
    this.#peers = new Peers(now);
  }

  /** How many are out of use. */
  get down(): number {
    return this.#peers.out;
  }

  /** As `NodeSet.panicking`. */
  get panicking(): boolean {
    return (this.#peers.out - this.#unreachable) * 2 > this.#peers.count - this.#unreachable;
  }

  report(node: Node, outcome: NodeOutcome, ctx: Context, now: number): void {
    const { health } = node;
    if (this.#scope.health === false) return;
    if (outcome === 'ignorable') {
      health.ignore(now, ctx);
      return;
    }
    const slow = outcome === 'success' && this.#slow(ctx, now);
    this.#peers.add(now, slow || outcome !== 'success');
    if (outcome === 'success' && !slow) {
      // Nearly always so, and then nothing changes.
      if (node.plain) {
        this.#keep(node);
        return;
      }
      if (!health.out) {
        this.#tell(node);
        health.succeed(now, ctx);
        return;
      }
    }
    const wasOut = this.#changing(node);
    if (outcome !== 'success') {
      const tookMs = now - ctx.startedAt;
      const long = tookMs >= LONG_MS && tookMs > SLOW_TIMES * node.means.latencyMs.value;
      health.fail(now, ctx, outcome === 'unreachable', this.#peers, long);
    } else health.succeed(now, ctx);
    if (slow) health.drag(now, this.#peers);
    this.#changed(node, wasOut);
  }

  /** What the checks of a node found, told when it is something else than before. */
  checked(node: Node, found: Found, reason: string, now: number): void {
    const wasOut = this.#changing(node);
    node.health.checked(now, found, reason);
    this.#changed(node, wasOut);
    this.#takeBack(now);
  }

  /** Takes note of who is in the set now. */
  adopt(nodes: readonly Node[], now: number): void {
    this.#nodes = nodes;
    this.#peers.count = nodes.length;
    this.#takeBack(now);
  }

  /** When more than half are out by their rate alone, since peers left or nothing else speaks against them any more, some come back. */
  #takeBack(now: number): void {
    const nodes = this.#nodes;
    if (this.#outByRate * 2 <= nodes.length) return;
    const out = nodes.filter(({ health }) => health.outByRate);
    out.sort((a, b) => b.health.overdueMs(now) - a.health.overdueMs(now));
    for (const node of out.slice(0, this.#outByRate - Math.floor(nodes.length / 2))) {
      const wasOut = this.#changing(node);
      node.health.comeBack(now, 'too few are left to do without it');
      this.#changed(node, wasOut);
    }
  }

  /** A node leaves the set. */
  retire(node: Node): void {
    this.#count(node, -1);
    node.retired = true;
  }

  /** Counts a success of which the health of the node is told later, with all others of the same bucket of its window. */
  #keep(node: Node): void {
    const { bucket } = this.#peers;
    if (node.toldIn !== bucket) {
      this.#tell(node);
      node.toldIn = bucket;
    }
    node.untold++;
  }

  #tell(node: Node): void {
    if (node.untold === 0) return;
    node.health.succeeded(node.untold, node.toldIn * BUCKET_MS);
    node.untold = 0;
  }

  #slow({ startedAt }: Context, now: number): boolean {
    const { health } = this.#scope;
    if (health === false || health.slowMs === false) return false;
    const tookMs = now - startedAt;
    const usual = this.#latencyMs;
    this.#latencyMs = Number.isNaN(usual) ? tookMs : usual + WEIGHT * (tookMs - usual);
    return tookMs > health.slowMs && tookMs > SLOW_TIMES * usual;
  }

  // A change of one node's health stands between these two, which keep the counts. It is not handed to one of them as a function: what that has to know would be
  // allocated for each attempt, whether it changes something or not.

  /** Answers whether the node is out, for `#changed`. */
  #changing(node: Node): boolean {
    this.#tell(node);
    this.#count(node, -1);
    return node.health.out;
  }

  /** Tells when the node is out or comes back by the change. */
  #changed(node: Node, wasOut: boolean): void {
    const { endpoint, health, retired } = node;
    node.plain = false;
    this.#count(node, 1);
    if (retired || health.out === wasOut) return;
    if (wasOut) node.forget();

    const { events, service } = this.#scope;
    events.emit('endpoint', {
      service,
      endpoint: endpoint.id,
      health: wasOut ? 'up' : 'down',
      reason: health.reason,
    });
  }

  #count({ health, retired }: Node, one: 1 | -1): void {
    if (retired || !health.out) return;
    this.#peers.out += one;
    if (health.unreachable) this.#unreachable += one;
    if (health.outByRate) this.#outByRate += one;
  }
}
