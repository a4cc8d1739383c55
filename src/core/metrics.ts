/** Values that tell series of one metric apart. Few of them, of few values each. */
export type Labels = Readonly<Record<string, string>>;

/** A number that only grows. */
export interface Counter {
  add(count?: number): void;
}

/** A distribution of durations. */
export interface Histogram {
  /** Records one duration in milliseconds. */
  record(ms: number): void;
}

/**
 * Where filters put their figures. A filter asks for its instruments once, while it is built, and only adds to them per call.
 * Asking twice for the same name and labels gives the same instrument.
 */
export interface Metrics {
  counter(name: string, labels?: Labels): Counter;
  histogram(name: string, labels?: Labels): Histogram;
  /** `read` is asked whenever the figures are read. The newest reader of a name and labels replaces the one before. */
  gauge(name: string, labels: Labels, read: () => number): void;
}
