import { type LayoutOptions, sideBySide } from './cells.ts';
import type { NodeGroup } from './grouped.ts';
import type { Node } from './node.ts';
import { type Tier, Tiers } from './tiers.ts';

/** While some are down or start slowly, everything is counted anew so often, and not per call. */
const LOOK_EVERY_MS = 100;

/** `where`: which tiers get calls now, in words. */
type Told = (state: 'begun' | 'ended', where: string) => void;

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
  #steady = true;
  #lookAt = 0;
  /** Whether calls went to no other place than that which is preferred, last. */
  #kept = false;
  #spilling = false;
  readonly #told: Told;

  /** `told` when calls begin to leave the place that is preferred to all others, or do so no more. Never of how it is at first. */
  constructor(options: LayoutOptions, told: Told) {
    this.#options = options;
    this.#told = told;
  }

  /** How calls are split now, with so many nodes `down`; `undefined` when all nodes stand side by side. */
  groups(down: number, now: number): readonly NodeGroup[] | undefined {
    const settled = this.#steady && down === 0;
    if (!settled && this.#sections.length > 0 && now >= this.#lookAt) this.#look(now);
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
  adopt(nodes: readonly Node[], split: readonly NodeGroup[] | undefined, now: number): void {
    this.#nodes = nodes;
    this.#usable = undefined;
    if (sideBySide(nodes, this.#options)) {
      this.#clear(split);
      this.#tell(true, () => 'all 100 %');
      return;
    }
    const whole = split ?? [{ share: 1, nodes }];
    const sections = whole.map(({ share, nodes: some }) => {
      const key = some[0]?.endpoint.service ?? '';
      const before = this.#sections.find(({ tiers }) => tiers.key === key)?.tiers;
      const tiers = new Tiers(some, this.#options, key, before);
      return { share, nodes: some, tiers };
    });
    if (sections.every(({ tiers }) => tiers.plain)) {
      this.#clear(split);
      const first = sections.flatMap(({ tiers }) => tiers.first ?? []);
      if (first.length > 0)
        this.#tell(
          first.every((cell) => cell.first),
          () => [...new Set(first.map(({ name }) => `${name} 100 %`))].join(', '),
        );
      return;
    }
    this.#sections = sections;
    this.#split = split !== undefined;
    this.#look(now);
  }

  #clear(split: readonly NodeGroup[] | undefined): void {
    this.#sections = [];
    this.#groups = split;
    this.#laidOut = [];
  }

  #tell(kept: boolean, where: () => string): void {
    const was = this.#kept;
    this.#kept = kept;
    // Of a place that nobody was ever in, nothing has ended when somebody comes.
    if (kept === !this.#spilling || was === kept) return;
    this.#spilling = !kept;
    this.#told(kept ? 'ended' : 'begun', where());
  }

  #look(now: number): void {
    this.#lookAt = now + LOOK_EVERY_MS;
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
    this.#tell(
      looks.every((look) => look.kept),
      () => this.#laidOut.flatMap(inWords).join(', '),
    );
  }
}

function inWords({ share, service, tiers }: LaidOut): readonly string[] {
  const before = share < 1 ? `${service} ` : '';
  return tiers
    .filter((tier) => tier.share > 0)
    .map(({ name, share: part }) => `${before}${name} ${Math.round(100 * share * part)} %`);
}

function partsOf(
  nodes: readonly Node[],
  tiers: readonly Tier[],
  due: readonly Node[],
): readonly NodeGroup[] | undefined {
  const [only] = tiers;
  if (tiers.length === 1 && only?.nodes.length === nodes.length) return undefined;
  if (due.length === 0) return tiers;
  return [...tiers, { share: 0, nodes: due, parts: undefined, panicking: false, probing: true }];
}
