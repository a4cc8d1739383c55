import { PerformanceObserver } from 'node:perf_hooks';
import type { Figure } from './figure.ts';

/** The longest turn of an event loop, in milliseconds. */
export interface LongestTurn {
  /** All of it: what holds everything else up. */
  readonly whole: number;
  /** Without the collection of garbage in it: no slice of work is longer than this. */
  readonly work: number;
}

interface Span {
  readonly from: number;
  readonly to: number;
}

/** Turns shorter than this are not looked at closer. */
const SHORT_MS = 1;

/**
 * Measures the longest turn of the event loop, in CPU time of its thread, which leaves out what other processes do to the clock on the wall.
 * A turn may do several things one after the other.
 */
export class TurnMeter {
  readonly #turns: (Span & { readonly cpuMs: number })[] = [];
  readonly #collections: Span[] = [];
  readonly #observer = new PerformanceObserver((list) => this.#collected(list.getEntries()));
  #last = { cpuMs: cpuMs(), at: performance.now() };
  #running = true;

  constructor() {
    this.#observer.observe({ entryTypes: ['gc'] });
    setImmediate(this.#turn);
  }

  /** Ends it. */
  async stop(): Promise<LongestTurn> {
    this.#ended();
    this.#running = false;
    // Collections are told a little later.
    await new Promise((resolve) => setTimeout(resolve, 50));
    this.#collected(this.#observer.takeRecords());
    this.#observer.disconnect();
    return {
      whole: Math.max(0, ...this.#turns.map(({ cpuMs }) => cpuMs)),
      work: Math.max(0, ...this.#turns.map((turn) => turn.cpuMs - this.#collectingIn(turn))),
    };
  }

  readonly #turn = (): void => {
    if (!this.#running) return;
    this.#ended();
    setImmediate(this.#turn);
  };

  #ended(): void {
    const now = { cpuMs: cpuMs(), at: performance.now() };
    // The system counts CPU time in ticks, and may put one to the wrong turn.
    const used = Math.min(now.cpuMs - this.#last.cpuMs, now.at - this.#last.at);
    if (used > SHORT_MS) this.#turns.push({ from: this.#last.at, to: now.at, cpuMs: used });
    this.#last = now;
  }

  #collected(entries: readonly { readonly startTime: number; readonly duration: number }[]): void {
    for (const { startTime, duration } of entries)
      this.#collections.push({ from: startTime, to: startTime + duration });
  }

  #collectingIn({ from, to }: Span): number {
    return this.#collections.reduce(
      (sum, one) => sum + Math.max(0, Math.min(to, one.to) - Math.max(from, one.from)),
      0,
    );
  }
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

/** What DESIGN allows a slice. */
const SLICE_MS = 5;

/** The longest turn as figures; `when` says of which time. */
export function turnFigures(when: string, { whole, work }: LongestTurn): readonly Figure[] {
  return [
    { name: `longest slice of work ${when}`, value: work, unit: 'ms', budget: SLICE_MS },
    { name: `longest turn ${when}, the collection of garbage in it`, value: whole, unit: 'ms' },
  ];
}
