import type { Cell, CellState } from './cell.ts';
import { cellsOf, type LayoutOptions } from './cells.ts';
import type { NodeGroup } from './grouped.ts';
import type { Node } from './node.ts';
import { spill } from './spill.ts';
import { Standing } from './standing.ts';

/** Nodes that stand side by side, before and after others in the order of preference. */
export interface Tier extends NodeGroup {
  /** Such as `zone=eu-1a`. */
  readonly name: string;
  /** The part of all calls that it can take, from 0 to 1. */
  readonly capacity: number;
  /** How many of `nodes` are up. */
  readonly up: number;
  /** How many nodes it has; fewer are in `nodes` when this client uses a subset. */
  readonly count: number;
}

interface Look {
  /** Whether all calls go to what is preferred to all else. */
  readonly kept: boolean;
  readonly tiers: readonly Tier[];
  /** Nodes that wait for a probe in tiers that get no calls, in which nobody would meet them. */
  readonly due: readonly Node[];
  readonly steady: boolean;
}

/**
 * Nodes in tiers: by priority, within one in the order of preference. A place with too few nodes that are up for a tier of its own is joined with the one
 * that comes next in its priority.
 */
export class Tiers {
  readonly #minimum: number;
  /** What tells these nodes from those of other tiers of the set. */
  readonly key: string;
  readonly #standings: Map<string, Standing>;
  readonly #cells: readonly Cell[];
  readonly #joined = new Map<string, { readonly of: readonly (readonly Node[])[]; readonly nodes: readonly Node[] }>();

  /** `before`: the tiers that these follow on. What did not change is taken over. */
  constructor(nodes: readonly Node[], options: LayoutOptions, key: string, before: Tiers | undefined) {
    const { minimum, subset } = options;
    // A subset says nothing of those that are not in it.
    this.#minimum = subset === false ? minimum : Math.min(minimum, subset);
    this.key = key;
    this.#standings = before === undefined ? new Map() : before.#standings;
    this.#cells = cellsOf(nodes, options, before === undefined ? [] : before.#cells);
  }

  /** Whether all nodes stand side by side, whatever becomes of their health. */
  get plain(): boolean {
    return this.#cells.length < 2 && this.#cells.every(({ whole }) => whole);
  }

  /** Those that may be used, whatever becomes of the health of others. */
  get usable(): readonly Node[] {
    return this.#cells.flatMap(({ candidates }) => candidates);
  }

  /** The place that is preferred to the others that there are. */
  get first(): Cell | undefined {
    return this.#cells[0];
  }

  /** Counts everything anew. */
  look(now: number): Look {
    const states = this.#cells.map((cell) => cell.look(now));
    const { units, waiting } = this.#join(states, now);
    const capacities = units.map((unit) =>
      Math.min(
        1,
        sum(unit, ({ capacity }) => capacity),
      ),
    );
    const shares = spill(capacities);
    const short = capacities.reduce((all, one) => all + one, 0) < 1;
    const tiers = units.map((unit, i) => {
      const [up, reachable] = [sum(unit, (one) => one.up), sum(unit, (one) => one.reachable)];
      return {
        share: shares[i] ?? 0,
        nodes: this.#nodesOf(unit),
        parts: undefined,
        // All tiers together cannot take everything, so those that doubt most of their nodes use them again.
        panicking: short && (reachable - up) * 2 > reachable,
        name: nameOf(unit),
        capacity: capacities[i] ?? 0,
        up,
        count: sum(unit, ({ cell }) => cell.count),
      };
    });
    const due = units.flatMap((unit, i) => (shares[i] === 0 ? unit.flatMap((one) => one.due) : []));
    const kept = this.first?.first === true && units[0]?.length === 1 && shares[0] === 1;
    return { kept, tiers, due, steady: !waiting && states.every(({ steady }) => steady) };
  }

  /** Which cells make a tier together; `waiting`: time alone may change that. */
  #join(
    states: readonly CellState[],
    now: number,
  ): { readonly units: readonly CellState[][]; readonly waiting: boolean } {
    const units: CellState[][] = [];
    let open: CellState[] = [];
    let waiting = false;
    states.forEach((state, i) => {
      open.push(state);
      if (states[i + 1]?.cell.priority === state.cell.priority) {
        const standing = this.#standingOf(nameOf(open));
        const alone = standing.look(sum(open, ({ up }) => up) >= this.#minimum, now);
        waiting ||= standing.waiting;
        if (!alone) return;
      }
      units.push(open);
      open = [];
    });
    return { units, waiting };
  }

  #standingOf(name: string): Standing {
    let standing = this.#standings.get(name);
    if (standing === undefined) {
      standing = new Standing();
      this.#standings.set(name, standing);
    }
    return standing;
  }

  /** The same array while it holds the same nodes. */
  #nodesOf(unit: readonly CellState[]): readonly Node[] {
    const [only] = unit;
    if (unit.length === 1 && only !== undefined) return only.nodes;
    const name = nameOf(unit);
    const known = this.#joined.get(name);
    if (known !== undefined && unit.every(({ nodes }, i) => nodes === known.of[i])) return known.nodes;
    const nodes = unit.flatMap((one) => one.nodes);
    this.#joined.set(name, { of: unit.map((one) => one.nodes), nodes });
    return nodes;
  }
}

function nameOf(unit: readonly CellState[]): string {
  return unit.map(({ cell }) => cell.name).join(' + ');
}

function sum(unit: readonly CellState[], of: (state: CellState) => number): number {
  return unit.reduce((all, state) => all + of(state), 0);
}
