import type { IncomingHttpHeaders } from 'node:http';

/** One question of a registry. */
export interface Question {
  /** @default 'GET' */
  readonly method?: 'GET' | 'PUT';
  /** Path and query. */
  readonly path: string;
  /** @default 'application/json' */
  readonly accept?: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** How long the answer may take, all of it; of a stream, its head. */
  readonly timeoutMs: number;
  /** Gives the question up. */
  readonly signal: AbortSignal;
}

/** The answer to a question: always one with a status of 200 to 299. */
export interface Answer {
  readonly headers: IncomingHttpHeaders;
  /** What its JSON holds; the text itself when that is none. */
  readonly body: unknown;
}

/** A question whose answer is lines that come as they happen. */
export interface StreamQuestion extends Question {
  /** How long the stream may last. */
  readonly streamMs: number;
  /** The head of the answer is there, and it is a good one. */
  readonly opened: () => void;
  /** Lines came; they are told in the pieces that they came in. What it throws ends the stream. */
  readonly heard: (lines: readonly string[]) => void;
}
