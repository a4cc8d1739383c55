import type { CallsReport } from './protocol.ts';

const EVERY_MS = 250;

/** Collects what finished calls came to, and sends it four times a second: one report for each phase that has news. */
export class CallReports {
  readonly #send: (report: CallsReport) => void;
  readonly #timer: NodeJS.Timeout;
  #pending = new Map<number, Pending>();

  constructor(send: (report: CallsReport) => void) {
    this.#send = send;
    this.#timer = setInterval(() => this.#flush(), EVERY_MS);
  }

  succeeded(phase: number, ms: number, instance: string): void {
    const { latencies, served } = this.#of(phase);
    latencies.push(ms);
    served[instance] = (served[instance] ?? 0) + 1;
  }

  /** Messages that differ in a time only are counted as one. */
  failed(phase: number, ms: number, message: string): void {
    const { latencies, failures } = this.#of(phase);
    const kind = message.replace(/\d+ ms/g, '… ms');
    latencies.push(ms);
    failures[kind] = (failures[kind] ?? 0) + 1;
  }

  /** Tells how often a call was sent again, whatever it came to. */
  retried(phase: number, times: number): void {
    this.#of(phase).retries += times;
  }

  /** Sends what is left. */
  close(): void {
    clearInterval(this.#timer);
    this.#flush();
  }

  #of(phase: number): Pending {
    const pending = this.#pending.get(phase) ?? { latencies: [], retries: 0, served: {}, failures: {} };
    this.#pending.set(phase, pending);
    return pending;
  }

  #flush(): void {
    for (const [phase, pending] of this.#pending) this.#send({ kind: 'calls', phase, ...pending });
    this.#pending = new Map();
  }
}

interface Pending {
  readonly latencies: number[];
  retries: number;
  readonly served: Record<string, number>;
  readonly failures: Record<string, number>;
}
