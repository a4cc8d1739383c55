import type { Node } from '../node.ts';

/** How many that answered well are remembered. */
const REMEMBERED = 4;
/** How far one may have moved in its array while it was not looked for: others joined or left in front of it. */
const MOVED = 4;

/** The last distinct nodes that answered well, the latest first. */
export class WellKnown {
  readonly #nodes: Node[] = [];

  get size(): number {
    return this.#nodes.length;
  }

  add(node: Node): void {
    const nodes = this.#nodes;
    if (nodes[0] === node) return;
    const known = nodes.indexOf(node);
    let at = known >= 0 ? known : Math.min(nodes.length, REMEMBERED - 1);
    for (; at > 0; at--) nodes[at] = nodes[at - 1] ?? node;
    nodes[0] = node;
  }

  at(i: number): Node | undefined {
    return this.#nodes[i];
  }

  /** Whether one of them is one of `nodes`, which may be a part of the set. */
  among(nodes: readonly Node[], node: Node): boolean {
    if (nodes[node.place] === node) return true;
    const end = Math.min(nodes.length - 1, node.place + MOVED);
    for (let place = Math.max(0, node.place - MOVED); place <= end; place++) {
      if (nodes[place] !== node) continue;
      node.place = place;
      return true;
    }
    return false;
  }

  /** Forgets those that left the set. */
  tidy(): void {
    const nodes = this.#nodes;
    for (let i = nodes.length - 1; i >= 0; i--) if (nodes[i]?.retired) nodes.splice(i, 1);
  }
}
