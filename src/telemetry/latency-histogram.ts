import type { Histogram } from '../core/metrics.ts';

/** Steps per doubling: a value is known within 1/16, about 6 %. */
const STEPS = 16;
/** From 1 µs to 2^27 µs, about 134 s; what lies beyond is counted in the first or last bucket. */
const OCTAVES = 26;

/** A log-linear histogram of milliseconds: recording is a few arithmetic operations and allocates nothing. */
export class LatencyHistogram implements Histogram {
  readonly #counts = new Uint32Array((OCTAVES + 1) * STEPS);
  count = 0;
  sumMs = 0;
  maxMs = 0;

  record(ms: number): void {
    this.count++;
    this.sumMs += ms;
    if (ms > this.maxMs) this.maxMs = ms;
    const micros = Math.max(1, Math.min(ms * 1000, 2 ** (OCTAVES + 1) - 1));
    // In steps of the first octave; shifted by its own, from STEPS up to twice as many.
    const steps = (micros * STEPS) >>> 0;
    const octave = 31 - Math.clz32(micros);
    const index = (octave - 1) * STEPS + (steps >>> octave);
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
  }

  /** The time that a share `ratio` (0 to 1) of the records did not exceed; NaN when there are none. */
  quantileMs(ratio: number): number {
    if (this.count === 0) return Number.NaN;
    const rank = Math.max(1, Math.ceil(ratio * this.count));
    let seen = 0;
    for (let index = 0; index < this.#counts.length; index++) {
      seen += this.#counts[index] ?? 0;
      if (seen >= rank) {
        const upper = 2 ** Math.floor(index / STEPS) * (1 + ((index % STEPS) + 1) / STEPS);
        return Math.min(upper / 1000, this.maxMs);
      }
    }
    return this.maxMs;
  }
}
