/** A moving average in which a sample weighs `alpha`; `undefined` until the first sample, which it then equals. */
export class Ewma {
  readonly #alpha: number;
  value: number | undefined;

  constructor(alpha: number) {
    this.#alpha = alpha;
  }

  add(sample: number): void {
    this.value = this.value === undefined ? sample : this.value + this.#alpha * (sample - this.value);
  }
}
