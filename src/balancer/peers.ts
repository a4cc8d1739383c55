import { BUCKETS, SlidingWindow } from '../core/sliding-window.ts';

export const WINDOW_MS = 10_000;
export const BUCKET_MS: number = WINDOW_MS / BUCKETS;

/** Endpoints below which there are no peers to speak of. */
const FEWEST = 5;
/** Outcomes that one must have had in ten seconds to be compared, and all its peers together four times that. */
const VOLUME = 100;
/** How many times as often as at its peers. */
const TIMES = 3;
/** How far beyond chance, in standard deviations of what its peers let expect. */
const DEVIATIONS = 4;

/**
 * What all endpoints of a set did in the last ten seconds, to judge one of them by: its peers are all of it without its own part. So
 * nothing is scanned or computed per call, and one that is far off does not shift the measure that it is held against, as it does with the
 * deviation from a mean over hosts. What an endpoint did before it was taken out, or left, counts for ten seconds as done by the others.
 */
export class Peers {
  readonly #all: SlidingWindow;
  /** How many there are. */
  count = 0;
  /** How many of them are out of use. */
  out = 0;

  constructor(now: number) {
    this.#all = new SlidingWindow(WINDOW_MS, now);
  }

  /** The number of the bucket that outcomes are counted in now, here and in the window of each node. */
  get bucket(): number {
    return this.#all.bucket;
  }

  add(now: number, poor: boolean): void {
    this.#all.add(now, 1, poor ? 1 : 0);
  }

  /** Whether half of the set would still be in use without another one. */
  get spare(): boolean {
    return (this.out + 1) * 2 <= this.count;
  }

  /** Whether one with `poor` bad outcomes of `total` does worse than its peers, by more than chance. */
  worse(poor: number, total: number): boolean {
    if (total < VOLUME || this.count < FEWEST) return false;
    const theirs = this.#all.first - total;
    if (theirs < (FEWEST - 1) * VOLUME) return false;
    const expected = (total * Math.max(0, this.#all.second - poor)) / theirs;
    return poor > TIMES * expected && poor - expected > DEVIATIONS * Math.sqrt(expected);
  }
}
