import type { Cursor } from '../../../src/discovery/membership.ts';
import type { Instance } from '../../../src/discovery/registry.ts';

export const LEASE = 30_000;

/** A change as it is told on the channel; no two have the same text. */
export type Change = { readonly at: Cursor; readonly text: number } & Told;

type Told =
  | { readonly op: 'join'; readonly instance: Instance }
  | { readonly op: 'leave' | 'lapse'; readonly id: string; readonly generation: number };

/** What stands for all that was told, once this text was told after what `mark` stands for. */
export function markAfter(mark: number, text: number): number {
  return (Math.imul(mark, 31) + text) | 0;
}

interface Kept {
  readonly instance: Instance;
  readonly leaseEnd: number;
}

interface Contents {
  epoch: string;
  revision: number;
  mark: number;
  /** Up to this moment of its clock the ends of leases have been told. */
  lapsedTo: number;
  readonly records: Map<string, Kept>;
}

interface Snapshot {
  readonly at: Cursor;
  readonly mark: number;
  readonly instances?: readonly Instance[];
}

function nothing(): Contents {
  return { epoch: '', revision: 0, mark: 0, lapsedTo: 0, records: new Map() };
}

/** What the scripts of the Redis registry do to the records of one service, step by step. */
export class Store {
  readonly #publish: (change: Change) => void;
  #contents = nothing();
  #replica: Contents = structuredClone(this.#contents);
  #epochs = 0;
  #texts = 0;
  /** How far its clock is off. */
  skew = 1_000_000_000;
  up = true;

  constructor(publish: (change: Change) => void) {
    this.#publish = publish;
  }

  /** Returns false when a newer generation holds the id. */
  register(instance: Instance, now: number): boolean {
    const { records } = this.#contents;
    const held = records.get(instance.id);
    if (held !== undefined && held.instance.generation > instance.generation) return false;
    const fresh = this.#begin();
    const lapsed = held === undefined || held.leaseEnd <= this.#time(now);
    records.set(instance.id, { instance, leaseEnd: this.#time(now) + LEASE });
    this.#lookBack(this.#time(now));
    if (fresh || lapsed || held.instance !== instance) this.#tell({ op: 'join', instance });
    return true;
  }

  beat({ id, generation }: Instance, now: number): 'ok' | 'unknown' | 'fenced' {
    const { epoch, records } = this.#contents;
    const held = records.get(id);
    if (held === undefined) return 'unknown';
    if (held.instance.generation > generation) return 'fenced';
    if (held.instance.generation < generation || epoch === '') return 'unknown';
    records.set(id, { ...held, leaseEnd: this.#time(now) + LEASE });
    if (held.leaseEnd <= this.#time(now)) this.#tell({ op: 'join', instance: held.instance });
    this.#lapse(this.#time(now));
    return 'ok';
  }

  leave({ id, generation }: Instance): void {
    const held = this.#contents.records.get(id);
    if (held !== undefined && held.instance.generation > generation) return;
    this.#begin();
    this.#contents.records.delete(id);
    this.#tell({ op: 'leave', id, generation });
  }

  /** Where the store stands, and everything whose lease holds, unless the asker was told all of it. */
  snapshot(now: number, known: Cursor | undefined, knownMark: number): Snapshot {
    const { epoch, revision, mark, lapsedTo, records } = this.#contents;
    const at = { epoch, revision };
    const all = [...records.values()];
    const time = this.#time(now);
    const untold = all.some(({ leaseEnd }) => leaseEnd > lapsedTo && leaseEnd <= time);
    if (known?.epoch === epoch && known.revision === revision && knownMark === mark && !untold) return { at, mark };
    return {
      at,
      mark: untold ? Number.NaN : mark,
      instances: all.filter(({ leaseEnd }) => leaseEnd > time).map(({ instance }) => instance),
    };
  }

  flush(): void {
    this.#contents = nothing();
  }

  /** The replica is as far as this; what comes after it is lost by a failover. */
  replicate(): void {
    this.#replica = structuredClone(this.#contents);
  }

  failover(): void {
    this.#contents = structuredClone(this.#replica);
  }

  #time(now: number): number {
    return now + this.skew;
  }

  #begin(): boolean {
    if (this.#contents.epoch !== '') return false;
    this.#contents.epoch = `epoch ${++this.#epochs}`;
    return true;
  }

  #tell(told: Told): void {
    const text = ++this.#texts;
    const { epoch, mark } = this.#contents;
    this.#contents.mark = markAfter(mark, text);
    this.#publish({ ...told, at: { epoch, revision: ++this.#contents.revision }, text });
  }

  /** Whether its clock was put back, which is told by a gap. */
  #lookBack(time: number): void {
    if (this.#contents.lapsedTo <= time) return;
    this.#contents.lapsedTo = time;
    this.#contents.revision++;
  }

  /** Tells of the leases that ended since somebody last looked, and removes what ended two leases ago. */
  #lapse(time: number): void {
    this.#lookBack(time);
    const { lapsedTo, records } = this.#contents;
    this.#contents.lapsedTo = time;
    for (const [id, { instance, leaseEnd }] of records) {
      if (leaseEnd > time) continue;
      if (leaseEnd > lapsedTo) this.#tell({ op: 'lapse', id, generation: instance.generation });
      if (leaseEnd <= time - 2 * LEASE) records.delete(id);
    }
  }
}
