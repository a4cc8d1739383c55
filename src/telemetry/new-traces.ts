import { integers, type Random } from '../core/random.ts';
import type { TraceContext } from '../core/trace-context.ts';

/** A trace that is not recorded, before its ids are written over the zeros. */
const BLANK = `00-${'0'.repeat(32)}-${'0'.repeat(16)}-00`;
const TRACE_ID = 3;
const SPAN_ID = 36;
const SPAN_ID_END = 52;
/** Of both ids together. */
const DIGITS = 48;
const DIGITS_PER_DRAW = 6;
/** Made at once: enough to share the price of a string, few enough that who keeps a trace keeps little more. */
const BATCH = 16;
const HEX = Buffer.from('0123456789abcdef');

/**
 * Gives traces that are not recorded, each with new ids of lower-case hex digits, never all zero. Chance good enough to tell traces apart.
 *
 * What is nearly always wanted of such a trace is its header. So that is what is made, several as one string and each a part of it; the ids are cut out
 * when somebody asks.
 */
export function newTraces(random: Random): () => TraceContext {
  const draw = integers(random);
  const chars = Buffer.alloc(BATCH * BLANK.length, BLANK);
  let batch = '';
  let at = chars.length;
  return () => {
    if (at === chars.length) {
      for (at = 0; at < chars.length; at += BLANK.length) writeIds(chars, at, draw);
      batch = chars.toString('latin1');
      at = 0;
    }
    const begin = at;
    at += BLANK.length;
    return new NewTrace(batch.slice(begin, at));
  };
}

class NewTrace implements TraceContext {
  readonly traceparent: string;

  constructor(traceparent: string) {
    this.traceparent = traceparent;
  }

  get traceId(): string {
    return this.traceparent.slice(TRACE_ID, SPAN_ID - 1);
  }

  get spanId(): string {
    return this.traceparent.slice(SPAN_ID, SPAN_ID_END);
  }

  get flags(): number {
    return 0;
  }

  get state(): string {
    return '';
  }

  toJSON(): TraceContext {
    const { traceId, spanId, flags, state } = this;
    return { traceId, spanId, flags, state };
  }
}

function writeIds(chars: Uint8Array, at: number, draw: () => number): void {
  for (let i = 0; i < DIGITS; ) {
    let bits = draw();
    for (const end = i + DIGITS_PER_DRAW; i < end; i++) {
      // The last digit of each is odd, so that neither is all zero.
      const digit = i === 31 || i === 47 ? bits | 1 : bits;
      chars[at + i + (i < 32 ? TRACE_ID : SPAN_ID - 32)] = HEX[digit & 15] ?? 0;
      bits >>>= 4;
    }
  }
}
