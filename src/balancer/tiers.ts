import type { NodeGroup } from './grouped.ts';
import type { Node } from './node.ts';
import { Pool, type PoolState } from './pool.ts';
import { type Preference, priorityOf } from './preference.ts';
import { spill } from './spill.ts';
import { Standing } from './standing.ts';

/** How the nodes of a service are laid out. */
export interface LayoutOptions {
  /** Whom to prefer, in this order, within each priority; `false`: neither that nor priorities count. */
  readonly prefer: readonly Preference[] | false;
  /** Fewer nodes that are up are not preferred alone. */
  readonly minimum: number;
  /** Of a tier with more nodes this client uses so many. */
  readonly subset: number | false;
  /** The id of this client. */
  readonly client: string;
}

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

interface Cell {
  readonly name: string;
  readonly priority: number;
  readonly nodes: readonly Node[];
}

interface Look {
  readonly tiers: readonly Tier[];
  /** Nodes that wait for a probe in tiers that get no calls, in which nobody would meet them. */
  readonly due: readonly Node[];
  readonly steady: boolean;
}

/**
 * Nodes in tiers: by priority, within one in the order of preference. What has too few nodes that are up for a tier of its own is joined with what
 * comes next in its priority.
 */
export class Tiers {
  readonly #options: LayoutOptions;
  readonly #key: string;
  readonly #standings: Map<string, Standing>;
  readonly #cells: readonly Cell[];
  #joined = '';
  #pools: readonly Pool[] = [];

  /** `standings` outlive the tiers: `key` tells these nodes from others in it. */
  constructor(nodes: readonly Node[], options: LayoutOptions, key: string, standings: Map<string, Standing>) {
    this.#options = options;
    this.#key = key;
    this.#standings = standings;
    this.#cells = options.prefer === false ? [{ name: 'all', priority: 0, nodes }] : cellsOf(nodes, options.prefer);
  }

  /** Whether all nodes stand side by side, whatever becomes of their health. */
  get plain(): boolean {
    const { subset } = this.#options;
    return this.#cells.length < 2 && (subset === false || (this.#cells[0]?.nodes.length ?? 0) <= subset);
  }

  /** Counts everything anew. */
  look(now: number): Look {
    const waiting = this.#join(now);
    const states = this.#pools.map((pool) => pool.look(now));
    const capacities = states.map(({ capacity }) => capacity);
    const shares = spill(capacities);
    const short = capacities.reduce((sum, one) => sum + one, 0) < 1;
    const tiers = this.#pools.map((pool, i) => tierOf(pool, states[i] as PoolState, shares[i] ?? 0, short)); // one state for each pool
    return {
      tiers,
      due: states.flatMap(({ due }, i) => (shares[i] === 0 ? due : [])),
      steady: !waiting && states.every(({ steady }) => steady),
    };
  }

  /** Joins cells to pools; returns whether time alone may join them otherwise. */
  #join(now: number): boolean {
    const units: Cell[][] = [];
    let open: Cell[] = [];
    let waiting = false;
    this.#cells.forEach((cell, i) => {
      open.push(cell);
      if (this.#cells[i + 1]?.priority === cell.priority) {
        const standing = this.#standingOf(open);
        const alone = standing.look(upOf(open, now) >= this.#options.minimum, now);
        waiting ||= standing.waiting;
        if (!alone) return;
      }
      units.push(open);
      open = [];
    });
    const joined = units.map(({ length }) => length).join();
    if (joined === this.#joined) return waiting;
    this.#joined = joined;
    const { subset, client } = this.#options;
    this.#pools = units.map((cells) => {
      const [only] = cells;
      const nodes = cells.length === 1 && only !== undefined ? only.nodes : cells.flatMap((cell) => cell.nodes);
      return new Pool(nameOf(cells), nodes, subset, client);
    });
    return waiting;
  }

  #standingOf(cells: readonly Cell[]): Standing {
    const key = `${this.#key} ${nameOf(cells)}`;
    let standing = this.#standings.get(key);
    if (standing === undefined) {
      standing = new Standing();
      this.#standings.set(key, standing);
    }
    return standing;
  }
}

function cellsOf(nodes: readonly Node[], prefer: readonly Preference[]): readonly Cell[] {
  const byPriority = new Map<number, Node[][]>();
  for (const node of nodes) {
    const priority = priorityOf(node.endpoint);
    let rows = byPriority.get(priority);
    if (rows === undefined) {
      rows = Array.from({ length: prefer.length + 1 }, () => []);
      byPriority.set(priority, rows);
    }
    const row = prefer.findIndex(({ matches }) => matches(node.endpoint));
    rows[row < 0 ? prefer.length : row]?.push(node);
  }
  const named = byPriority.size > 1;
  return [...byPriority]
    .sort(([a], [b]) => a - b)
    .flatMap(([priority, rows]) =>
      rows
        .map((row, i) => ({ name: cellName(prefer[i]?.name, named ? priority : undefined), priority, nodes: row }))
        .filter((cell) => cell.nodes.length > 0),
    );
}

function cellName(preferred: string | undefined, priority: number | undefined): string {
  const place = preferred ?? 'elsewhere';
  return priority === undefined ? place : `priority=${priority} ${place}`;
}

function nameOf(cells: readonly Cell[]): string {
  return cells.map(({ name }) => name).join(' + ');
}

function upOf(cells: readonly Cell[], now: number): number {
  let up = 0;
  for (const { nodes } of cells) for (const { health } of nodes) if (health.fitness(now) === 'up') up++;
  return up;
}

/** `short`: all tiers together cannot take everything, so those that doubt most of their nodes use them again. */
function tierOf(
  { name, count }: Pool,
  { nodes, up, capacity, doubted }: PoolState,
  share: number,
  short: boolean,
): Tier {
  return { share, nodes, parts: undefined, panicking: short && doubted, name, capacity, up, count };
}
