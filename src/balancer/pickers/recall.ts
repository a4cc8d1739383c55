import type { Context } from '../../core/context.ts';
import { INTEGERS, type Random } from '../../core/random.ts';
import { Draws } from '../draws.ts';
import type { LoadMeans } from '../load-means.ts';
import { LoadReading } from '../load-reading.ts';
import type { Node } from '../node.ts';
import type { NodeOutcome, Picker } from '../picker.ts';
import { GOOD, rank } from '../rank.ts';
import { PAIRS } from './better-of-two.ts';
import { leastOf } from './least-loaded.ts';
import { WellKnown } from './well-known.ts';

/** What failures weigh: a tenth of them makes a node eleven times as expensive. */
const FAILURES = 1_000;
/**
 * What is remembered has to be better by so much than what was drawn. Without it a caller with little to do sends all of that to the one that was quickest by
 * a hair; it costs 3 % of p99 in the simulator.
 */
const MARGIN = 1.25;
/**
 * What this process has on its way to each node, and half of one, is usual; at most `MOST`. With less a slow node that is idle draws too much of what three servers get, with more it is
 * chance that decides, as it does how long calls take: most of all where each server has one worker.
 */
const MORE = 0.5;
const MOST = 1.75;
/** How often it is looked at, in picks, and what one such look weighs in the mean of the attempts on their way. */
const EVERY = 8;
const OWN_WEIGHT = 0.15;
/** Of what nodes report on average, so much more of what others have there is usual. */
const OTHERS = 0.5;

/**
 * The default: the best of two distinct nodes drawn by weight *and of the last four that answered well*, by how long a request would take there and how
 * likely it would fail.
 *
 * Two drawn at random are enough where much is known of both. Where many clients send little each, none knows anything new of those it draws, but it
 * does of those it used last (what one good sample is worth: Shah and Prabhakar, 2002). The score is
 *
 *     time × (usual + requests in flight ÷ weight)² × (1 + 1,000 × failures²)
 *
 * of what `Load` knows. `usual` stands for the requests in flight that a node has on average: where those are many, so are the workers, a few more or less say little, and how fast a
 * node is says much (a slow one with two of eight workers busy is no better than a fast one with six). The weight is relative to the heaviest. It is heeded when nodes are drawn and divides the requests in flight, not the score: so nodes
 * that are idle get what their weights say, and others hold requests in proportion to them.
 */
export function recall(random: Random): Picker {
  return new Recall(random);
}

class Recall implements Picker {
  readonly #draws: Draws;
  readonly #known = new WellKnown();
  readonly #reading = new LoadReading();
  // The best so far of a pick; here and not handed around, since a fraction may be allocated on its way.
  #best: Node | undefined;
  #against = 0;
  // `own`: attempts of this process on their way to each node, on average; `part`: one, divided by the nodes.
  readonly #toBeat = { score: 0.5, usual: 1.5, own: 0.1, part: 0.5 };
  #picks = 0;

  constructor(random: Random) {
    this.#draws = new Draws(random);
  }

  pick(nodes: readonly Node[], ctx: Context, now: number, panicking: boolean): Node | undefined {
    const draws = this.#draws;
    const known = this.#known;
    const some = nodes[0];
    if (draws.from(nodes)) {
      known.tidy();
      this.#toBeat.part = 1 / nodes.length;
    }
    if (some === undefined || nodes.length < 2) return some;
    if (this.#picks === 0) this.#findUsual(some.means);
    this.#picks = (this.#picks + 1) % EVERY;
    for (let pair = 0; pair < PAIRS; pair++) {
      this.#against = Number.MAX_SAFE_INTEGER;
      // Both are drawn before either is looked at, so that a processor fetches both from memory at the same time.
      const place = draws.one(now);
      const other = draws.another(place, now, ctx.previous !== undefined && ctx.root.refusals > 0);
      const first = this.#drawn(nodes, place, ctx, now, panicking);
      const second = this.#drawn(nodes, other, ctx, now, panicking);
      for (let i = 0; i < known.size; i++) {
        const node = known.at(i);
        if (node === undefined || node === first || node === second) continue;
        if (this.#against <= GOOD && node.plain && !node.mayBeat(this.#toBeat, MARGIN)) continue;
        if (!known.among(nodes, node)) continue;
        draws.weigh(node, now);
        // As often as it would have been drawn, relative to the heaviest.
        if (draws.portion >= 1 || draws.next() < draws.portion * INTEGERS)
          this.#consider(node, ctx, now, panicking, MARGIN);
      }
      const best = this.#best;
      this.#best = undefined;
      if (this.#against <= GOOD) return best;
    }
    return leastOf(nodes, draws, ctx, now, panicking);
  }

  ended(node: Node, outcome: NodeOutcome): void {
    if (outcome === 'success' && !node.retired) this.#known.add(node);
  }

  /** What each node has to do on average, as far as this process knows by itself or nodes report, whichever is more; at least 1. */
  #findUsual({ rif, running }: LoadMeans): void {
    const best = this.#toBeat;
    best.own += OWN_WEIGHT * (running * best.part - best.own);
    const own = best.own + MORE;
    const reported = rif.value + OTHERS * (rif.value - best.own);
    best.usual = own > MOST ? MOST : own > 1 ? own : 1;
    // Of none that report it is no number, and so not more.
    if (reported > best.usual) best.usual = reported;
  }

  #drawn(nodes: readonly Node[], place: number, ctx: Context, now: number, panicking: boolean): Node | undefined {
    const node = place < 0 ? undefined : nodes[place];
    if (node === undefined) return undefined;
    if (node.place !== place) node.place = place;
    this.#consider(node, ctx, now, panicking, 1);
    return node;
  }

  /** Takes a node as the best if it is, its score taken so many `times`. */
  #consider(node: Node, ctx: Context, now: number, panicking: boolean, times: number): void {
    const draws = this.#draws;
    const best = this.#toBeat;
    let against = GOOD;
    let score: number;
    if (node.plain && draws.even && ctx.previous === undefined && node.simple) {
      // Nearly always so, and then all else is one.
      node.findServiceMs(now);
      const { foundMs } = node.means;
      const queue = best.usual + node.running;
      score = times * (foundMs > 0 ? foundMs : 1) * queue * queue;
    } else {
      against = rank(node, ctx, now, panicking);
      if (against > this.#against) return;
      draws.weigh(node, now);
      const reading = this.#reading;
      reading.portion = draws.portion;
      node.read(reading, now);
      const { serviceMs, rif, failing } = reading;
      const queue = best.usual + rif / draws.portion;
      // Before the first answer of all only what is on its way counts.
      score = times * (serviceMs > 0 ? serviceMs : 1) * queue * queue * (1 + FAILURES * failing * failing);
    }
    if (against > this.#against || (against === this.#against && score >= best.score)) return;
    this.#best = node;
    this.#against = against;
    best.score = score;
  }
}
