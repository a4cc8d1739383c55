import type { LayoutOptions } from './cells.ts';
import type { NodeGroup } from './grouped.ts';
import type { Node } from './node.ts';
import { type Tier, Tiers } from './tiers.ts';

/** While some are down or start slowly, everything is counted anew so often, and not per call. */
const LOOK_EVERY_MS = 100;
/** Attempts that look whether somebody waits for a probe in a tier that gets no calls. All but the probes go on to the tiers. */
const PROBES = 0.05;

interface Section {
  readonly share: number;
  readonly nodes: readonly Node[];
  readonly tiers: Tiers;
}

/** Tiers of one part of the calls, for `explain`. */
export interface LaidOut {
  /** The share of the calls of this part. */
  readonly share: number;
  /** One of its services. */
  readonly service: string;
  readonly tiers: readonly Tier[];
}

/**
 * Which nodes of a set get which share of the calls: by their place, their priority and this client's subset, within the parts that names
 * split the calls into. It is worked out when the set or the health of its nodes changes; a pick finds it ready.
 */
export class Layout {
  readonly #options: LayoutOptions;
  #nodes: readonly Node[] = [];
  #sections: readonly Section[] = [];
  #usable: readonly Node[] | undefined;
  #split = false;
  #groups: readonly NodeGroup[] | undefined;
  #laidOut: readonly LaidOut[] = [];
  #down = 0;
  #steady = true;
  #lookAt = 0;

  constructor(options: LayoutOptions) {
    this.#options = options;
  }

  /** How calls are split now, with so many nodes `down`; `undefined` when all nodes stand side by side. */
  groups(down: number, now: number): readonly NodeGroup[] | undefined {
    const settled = this.#steady && down === this.#down;
    if (!settled && this.#sections.length > 0 && now >= this.#lookAt) this.#look(now, down);
    return this.#groups;
  }

  /** The tiers as they are now; empty when nothing sets some nodes apart. */
  laidOut(down: number, now: number): readonly LaidOut[] {
    this.groups(down, now);
    return this.#laidOut;
  }

  /** The nodes that may get calls, now or when others are down: all, but for those outside of this client's subsets. The same array until the set changes. */
  get usable(): readonly Node[] {
    this.#usable ??=
      this.#sections.length === 0 ? this.#nodes : [...new Set(this.#sections.flatMap(({ tiers }) => tiers.usable))];
    return this.#usable;
  }

  /** Takes over who is in the set, `split` in parts if it is. */
  adopt(nodes: readonly Node[], split: readonly NodeGroup[] | undefined, down: number, now: number): void {
    this.#nodes = nodes;
    this.#usable = undefined;
    const whole = split ?? [{ share: 1, nodes }];
    const sections = whole.map(({ share, nodes: some }) => {
      const key = some[0]?.endpoint.service ?? '';
      const before = this.#sections.find(({ tiers }) => tiers.key === key)?.tiers;
      const tiers = new Tiers(some, this.#options, key, before);
      return { share, nodes: some, tiers };
    });
    if (sections.every(({ tiers }) => tiers.plain)) {
      this.#sections = [];
      this.#groups = split;
      this.#laidOut = [];
      return;
    }
    this.#sections = sections;
    this.#split = split !== undefined;
    this.#look(now, down);
  }

  #look(now: number, down: number): void {
    this.#lookAt = now + LOOK_EVERY_MS;
    this.#down = down;
    const looks = this.#sections.map((section) => ({ ...section, ...section.tiers.look(now) }));
    const groups = looks.map(({ share, nodes, tiers, due }) => {
      const parts = partsOf(nodes, tiers, due);
      const panicking = parts === undefined ? undefined : tiers.some((tier) => tier.panicking === true);
      return { share, nodes, parts, panicking };
    });
    this.#groups = this.#split ? groups : groups[0]?.parts;
    this.#steady = looks.every(({ steady }) => steady);
    this.#laidOut = looks.map(({ share, nodes, tiers }) => ({
      share,
      service: nodes[0]?.endpoint.service ?? '',
      tiers,
    }));
  }
}

function partsOf(
  nodes: readonly Node[],
  tiers: readonly Tier[],
  due: readonly Node[],
): readonly NodeGroup[] | undefined {
  const [only] = tiers;
  if (tiers.length === 1 && only?.nodes.length === nodes.length) return undefined;
  if (due.length === 0) return tiers;
  const rest = tiers.map((tier) => ({ ...tier, share: tier.share * (1 - PROBES) }));
  return [...rest, { share: PROBES, nodes: due, parts: undefined, panicking: false }];
}
