import type { Counter } from '../core/metrics.ts';
import { Cell } from './cell.ts';
import type { Node } from './node.ts';
import { type Preference, priorityOf } from './preference.ts';

/** How the nodes of a service are laid out. */
export interface LayoutOptions {
  /** Whom to prefer, in this order, within each priority; `false`: neither that nor priorities count. */
  readonly prefer: readonly Preference[] | false;
  /** Fewer nodes that are up are not preferred alone. */
  readonly minimum: number;
  /** Of more nodes of one place and priority this client uses so many. */
  readonly subset: number | false;
  /** The id of this client. */
  readonly client: string;
  /** Counts attempts by the place where they go; asked for only where some place is preferred. @default they are not counted */
  readonly placed?: ((place: string) => Counter) | undefined;
}

/** Whether nothing can set some of these nodes apart. */
export function sideBySide(nodes: readonly Node[], { prefer, subset }: LayoutOptions): boolean {
  if (subset !== false) return false;
  return prefer === false || (prefer.length === 0 && nodes.every(({ endpoint }) => priorityOf(endpoint) === 0));
}

/** The nodes by priority, and within one by preference, those to be used first in front. What did not change is taken over from `before`. */
export function cellsOf(
  nodes: readonly Node[],
  { prefer, subset: size, client, placed }: LayoutOptions,
  before: readonly Cell[],
): readonly Cell[] {
  const cellOf = (name: string, priority: number, place: number, some: readonly Node[]) => {
    const known = before.find((cell) => cell.name === name);
    if (known?.holds(some) === true) return known;
    const counter = prefer === false || prefer.length === 0 ? undefined : placed?.(prefer[place]?.place ?? 'elsewhere');
    return new Cell({ name, priority, first: place === 0, nodes: some, size, client, placed: counter }, known);
  };
  if (prefer === false) return [cellOf('all', 0, 0, nodes)];
  const byPriority = new Map<number, Node[][]>();
  for (const node of nodes) {
    const priority = priorityOf(node.endpoint);
    let places = byPriority.get(priority);
    if (places === undefined) {
      places = Array.from({ length: prefer.length + 1 }, () => []);
      byPriority.set(priority, places);
    }
    const place = prefer.findIndex(({ matches }) => matches(node.endpoint));
    places[place < 0 ? prefer.length : place]?.push(node);
  }
  const rest = prefer.length === 0 ? 'all' : 'elsewhere';
  const cells: Cell[] = [];
  for (const [priority, places] of [...byPriority].sort(([a], [b]) => a - b)) {
    const before = byPriority.size > 1 ? `priority=${priority} ` : '';
    places.forEach((place, i) => {
      const name = `${before}${prefer[i]?.name ?? rest}`;
      if (place.length > 0) cells.push(cellOf(name, priority, i, place));
    });
  }
  return cells;
}
