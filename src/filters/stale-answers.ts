import type { MadeResponse } from '../core/http-binding.ts';

const MOST_ANSWERS = 1_000;
const MOST_BYTES = 16 * 1024 * 1024;
/** The longest body that is kept: one answer must not push all others out. */
export const LARGEST_BYTES = 1024 * 1024;

interface Kept {
  readonly made: MadeResponse;
  /** Monotonic milliseconds. */
  readonly at: number;
  readonly bytes: number;
}

/** The last good answers of a service, for when there are none: at most a thousand, and 16 MiB together. Those kept longest ago go first. */
export class StaleAnswers {
  readonly #maxAgeMs: number;
  readonly #byRequest = new Map<string, Kept>();
  #bytes = 0;

  constructor(maxAgeMs: number) {
    this.#maxAgeMs = maxAgeMs;
  }

  /** Keeps an answer, unless it is large, or says that nobody may. */
  keep(request: string, made: MadeResponse, now: number): void {
    this.#forget(request);
    // What headers take is small beside the request that they answer; both are counted roughly.
    const bytes = made.body.length + 2 * request.length + 1_000;
    if (made.body.length > LARGEST_BYTES || forbidden(made)) return;
    this.#byRequest.set(request, { made, at: now, bytes });
    this.#bytes += bytes;
    for (const [oldest] of this.#byRequest) {
      if (this.#byRequest.size <= MOST_ANSWERS && this.#bytes <= MOST_BYTES) break;
      this.#forget(oldest);
    }
  }

  /** The answer kept last, if it is not too old; its age is in its header `age`, in seconds. */
  get(request: string, now: number): MadeResponse | undefined {
    const kept = this.#byRequest.get(request);
    if (kept === undefined) return undefined;
    const ageMs = now - kept.at;
    if (ageMs > this.#maxAgeMs) {
      this.#forget(request);
      return undefined;
    }
    const { made } = kept;
    // It may have come from a cache, and had an age then.
    const before = Number(made.headers['age'] ?? 0);
    const age = String(Math.floor(ageMs / 1000) + (Number.isSafeInteger(before) ? before : 0));
    return { ...made, headers: { ...made.headers, age } };
  }

  #forget(request: string): void {
    this.#bytes -= this.#byRequest.get(request)?.bytes ?? 0;
    this.#byRequest.delete(request);
  }
}

/** Whether nobody may keep it, or nobody can tell for which requests it would be the answer. */
function forbidden({ headers }: MadeResponse): boolean {
  return /no-store/i.test(String(headers['cache-control'] ?? '')) || String(headers['vary'] ?? '').includes('*');
}
