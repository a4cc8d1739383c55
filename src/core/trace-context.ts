/** The W3C trace context of a call: what `traceparent` and `tracestate` carry. Values are checked where they enter. */
export interface TraceContext {
  /** 32 lower-case hex digits. */
  readonly traceId: string;
  /** 16 lower-case hex digits: the span that the next hop names as its parent. */
  readonly spanId: string;
  /** The trace flags; bit 0 says that the trace is recorded. */
  readonly flags: number;
  /** `tracestate` as it came, or empty. */
  readonly state: string;
  /** The whole as the header, where it is there already. @internal */
  readonly traceparent?: string;
}
