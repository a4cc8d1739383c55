import type { Cursor } from '../../../src/discovery/membership.ts';
import type { Instance } from '../../../src/discovery/registry.ts';

export const LEASE = 30_000;

/** A change as it is told on the channel. */
export type Change =
  | { readonly op: 'join'; readonly at: Cursor; readonly instance: Instance }
  | { readonly op: 'leave' | 'lapse'; readonly at: Cursor; readonly id: string; readonly generation: number };

interface Kept {
  readonly instance: Instance;
  readonly leaseEnd: number;
}

interface Contents {
  epoch: string;
  revision: number;
  /** Up to this moment of its clock the ends of leases have been told. */
  lapsedTo: number;
  readonly records: Map<string, Kept>;
}

/** What the scripts of the Redis registry do to the records of one service, step by step. */
export class Store {
  readonly #tell: (change: Change) => void;
  #contents: Contents = { epoch: '', revision: 0, lapsedTo: 0, records: new Map() };
  #replica: Contents = structuredClone(this.#contents);
  #epochs = 0;
  /** How far its clock is off. */
  skew = 0;
  up = true;

  constructor(tell: (change: Change) => void) {
    this.#tell = tell;
  }

  /** Returns false when a newer generation holds the id. */
  register(instance: Instance, now: number): boolean {
    const { records } = this.#contents;
    const held = records.get(instance.id);
    if (held !== undefined && held.instance.generation > instance.generation) return false;
    const fresh = this.#begin();
    const lapsed = held === undefined || held.leaseEnd <= this.#time(now);
    records.set(instance.id, { instance, leaseEnd: this.#time(now) + LEASE });
    if (fresh || lapsed || held.instance !== instance) this.#tell({ op: 'join', at: this.#next(), instance });
    return true;
  }

  beat({ id, generation }: Instance, now: number): 'ok' | 'unknown' | 'fenced' {
    const { epoch, records } = this.#contents;
    const held = records.get(id);
    if (held === undefined) return 'unknown';
    if (held.instance.generation > generation) return 'fenced';
    if (held.instance.generation < generation || epoch === '') return 'unknown';
    records.set(id, { ...held, leaseEnd: this.#time(now) + LEASE });
    if (held.leaseEnd <= this.#time(now)) this.#tell({ op: 'join', at: this.#next(), instance: held.instance });
    this.#lapse(this.#time(now));
    return 'ok';
  }

  leave({ id, generation }: Instance): void {
    const held = this.#contents.records.get(id);
    if (held !== undefined && held.instance.generation > generation) return;
    this.#begin();
    this.#contents.records.delete(id);
    this.#tell({ op: 'leave', at: this.#next(), id, generation });
  }

  /** Everything whose lease holds, and where the store stands. */
  snapshot(now: number): { readonly at: Cursor; readonly instances: readonly Instance[] } {
    const { epoch, revision, records } = this.#contents;
    const live = [...records.values()].filter(({ leaseEnd }) => leaseEnd > this.#time(now));
    return { at: { epoch, revision }, instances: live.map(({ instance }) => instance) };
  }

  flush(): void {
    this.#contents = { epoch: '', revision: 0, lapsedTo: 0, records: new Map() };
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

  #next(): Cursor {
    const { epoch } = this.#contents;
    return { epoch, revision: ++this.#contents.revision };
  }

  /** Tells of the leases that ended since somebody last looked, and removes what ended two leases ago. */
  #lapse(time: number): void {
    const { lapsedTo, records } = this.#contents;
    this.#contents.lapsedTo = time;
    for (const [id, { instance, leaseEnd }] of records) {
      if (leaseEnd > time) continue;
      if (leaseEnd > lapsedTo) this.#tell({ op: 'lapse', at: this.#next(), id, generation: instance.generation });
      if (leaseEnd <= time - 2 * LEASE) records.delete(id);
    }
  }
}
