import type { MadeResponse } from '../core/http-binding.ts';
import { BoundedAnswers, bytesOf } from './bounded-answers.ts';

const BOUNDS = { maxEntries: 1_000, maxBytes: 16 * 1024 * 1024 };
/** The longest body that is kept: one answer must not push all others out. */
export const LARGEST_BYTES = 1024 * 1024;

interface Kept {
  readonly made: MadeResponse;
  /** Monotonic milliseconds. */
  readonly at: number;
}

/** The last good answers of a service, for when there are none: at most a thousand, and 16 MiB together. Those kept longest ago go first. */
export class StaleAnswers {
  readonly #maxAgeMs: number;
  readonly #byRequest = new BoundedAnswers<Kept>(BOUNDS);

  constructor(maxAgeMs: number) {
    this.#maxAgeMs = maxAgeMs;
  }

  /** Keeps an answer, unless it is large, or says that nobody may. */
  keep(request: string, made: MadeResponse, now: number): void {
    this.#byRequest.forget(request);
    if (made.body.length > LARGEST_BYTES || forbidden(made)) return;
    this.#byRequest.keep(request, { made, at: now }, bytesOf(request, made));
  }

  /** The answer kept last, if it is not too old; its age is in its header `age`, in seconds. */
  get(request: string, now: number): MadeResponse | undefined {
    const kept = this.#byRequest.get(request);
    if (kept === undefined) return undefined;
    const ageMs = now - kept.at;
    if (ageMs > this.#maxAgeMs) {
      this.#byRequest.forget(request);
      return undefined;
    }
    const { made } = kept;
    // It may have come from a cache, and had an age then.
    const before = Number(made.headers['age'] ?? 0);
    const age = String(Math.floor(ageMs / 1000) + (Number.isSafeInteger(before) ? before : 0));
    return { ...made, headers: { ...made.headers, age } };
  }
}

/** Whether nobody may keep it, or nobody can tell for which requests it would be the answer. */
function forbidden({ headers }: MadeResponse): boolean {
  return /no-store/i.test(String(headers['cache-control'] ?? '')) || String(headers['vary'] ?? '').includes('*');
}
