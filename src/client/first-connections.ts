import { below, type Random } from '../core/random.ts';
import { abreast } from '../discovery/abreast.ts';

/** First connections that one target makes at the same time. */
const ABREAST = 8;

interface FirstConnectionsParts<Node> {
  /** To how many at most of those that come together. */
  readonly most: number | false;
  readonly random: Random;
  /** Those that calls go to now. */
  readonly called: () => readonly Node[];
  /** Makes the first connection to one; never rejects. */
  readonly make: (node: Node) => Promise<void>;
}

/** To whom of a target a connection is made before a call needs it: once something is sent to it at all, and whenever some join. */
export class FirstConnections<Node extends object> {
  readonly #parts: FirstConnectionsParts<Node>;
  /** Those that were drawn for one, or were not. */
  readonly #known = new WeakSet<Node>();
  #begun: boolean;

  constructor(parts: FirstConnectionsParts<Node>) {
    this.#parts = parts;
    this.#begun = parts.most === false; // there is nothing to begin
  }

  /** Whether something was sent, or need not be told. */
  get begun(): boolean {
    return this.#begun;
  }

  /** Told that something is sent. */
  begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    this.follow();
  }

  /** Told when some may have come. */
  follow(): void {
    const { most, random, called, make } = this.#parts;
    if (most === false || !this.#begun) return;
    const come = called().filter((node) => !this.#known.has(node));
    for (const node of come) this.#known.add(node);
    void abreast(drawn(come, most, random), ABREAST, make);
  }
}

/** At most `most` of them, drawn at random: all who see the same endpoints must not choose the same. */
function drawn<T>(all: readonly T[], most: number, random: Random): readonly T[] {
  const rest = [...all];
  for (let i = 0; i < Math.min(most, rest.length); i++) {
    const j = i + below(random, rest.length - i);
    [rest[i], rest[j]] = [rest[j] as T, rest[i] as T]; // both lie inside
  }
  return rest.slice(0, most);
}
