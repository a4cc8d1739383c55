import { integers, type Random } from '../core/random.ts';
import type { TraceContext } from '../core/trace-context.ts';

/** A trace that is not recorded, before its ids are written over the zeros. */
const BLANK = `00-${'0'.repeat(32)}-${'0'.repeat(16)}-00`;
const TRACE_ID = 3;
const SPAN_ID = 36;
const SPAN_ID_END = 52;
/** Made at once: enough to share the price of a string, few enough that who keeps a trace keeps little more. */
const BATCH = 16;
/** The two digits of every byte, the first in the lower half. */
const DIGITS = Uint16Array.from({ length: 256 }, (_, byte) =>
  Buffer.from(byte.toString(16).padStart(2, '0')).readUInt16LE(),
);

/**
 * Gives traces that are not recorded, each with new ids of lower-case hex digits, never all zero. Chance good enough to tell traces apart.
 *
 * What is nearly always wanted of such a trace is its header. So that is what is made, several as one string and each a part of it; the ids are cut out
 * when somebody asks.
 */
export function newTraces(random: Random): () => TraceContext {
  const draw = integers(random);
  const chars = Buffer.alloc(BATCH * BLANK.length, BLANK);
  const view = new DataView(chars.buffer, chars.byteOffset, chars.length);
  let batch = '';
  let at = chars.length;
  return () => {
    if (at === chars.length) {
      for (at = 0; at < chars.length; at += BLANK.length) writeIds(view, at, draw);
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

/** Three bytes from each draw, and from the last one what is then missing. */
function writeIds(chars: DataView, at: number, draw: () => number): void {
  for (let i = 0; i < 30; i += 6) writeBytes(chars, at + TRACE_ID + i, draw());
  for (let i = 0; i < 12; i += 6) writeBytes(chars, at + SPAN_ID + i, draw());
  const last = draw();
  // The last digit of each is odd, so that neither is all zero.
  writeByte(chars, at + TRACE_ID + 30, last | 1);
  writeByte(chars, at + SPAN_ID + 12, last >>> 8);
  writeByte(chars, at + SPAN_ID + 14, (last >>> 16) | 1);
}

function writeBytes(chars: DataView, at: number, bits: number): void {
  writeByte(chars, at, bits);
  writeByte(chars, at + 2, bits >>> 8);
  writeByte(chars, at + 4, bits >>> 16);
}

function writeByte(chars: DataView, at: number, bits: number): void {
  chars.setUint16(at, DIGITS[bits & 0xff] ?? 0, true);
}
