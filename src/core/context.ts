import type { Endpoint } from './endpoint.ts';
import type { LimitedBy } from './limited-by.ts';
import { type Hearer, type Listener, type Listeners, tell } from './listeners.ts';
import type { Notes } from './notes.ts';
import type { Priority } from './priority.ts';
import type { Timer } from './timer-wheel.ts';
import type { TraceContext } from './trace-context.ts';
import type { Verdict } from './verdict.ts';

/** What a binding knows of a request before it is sent. */
export interface Description {
  /** A name of few values for spans and metrics, such as the HTTP method. */
  readonly operation: string;
  /** Whether running it twice does no more than running it once. */
  readonly idempotent: boolean;
  /** The trace headers that the caller wrote on the request itself, if it did. */
  readonly traceparent?: string | undefined;
  readonly tracestate?: string | undefined;
  /** Whether its body comes from a stream that is gone once it was begun, so that nobody may have to send it again. */
  readonly streamed?: boolean | undefined;
}

const NOTHING: Notes<Context> = Object.freeze({});

/**
 * Everything known of one call, or of one attempt of it; passed by hand from filter to filter.
 *
 * A call has a root context; each attempt has its own, made by `fork`, so that two attempts which run side by side share nothing that
 * changes. Cancelling a context cancels its attempts, never its parent.
 *
 * A context ends once: when the body of its response ended, or when it failed. Until then a cancellation reaches the transport.
 *
 * What is marked as internal is not in the types that are published: filters of applications look, add headers, and may give an attempt its
 * verdict.
 */
export class Context {
  /** The logical service that is called. */
  readonly target: string;
  readonly operation: string;
  readonly idempotent: boolean;
  /** @internal */
  readonly streamed: boolean;
  /** The call that this is an attempt of; `undefined` on a call. */
  readonly parent: Context | undefined;
  /** 0 on a call; 1 on its first attempt. */
  readonly attempt: number;
  /** The attempt made before this one; on a call, the latest attempt. @internal */
  previous: Context | undefined;
  /** Monotonic milliseconds. An attempt that a filter of the application held up before it was known where it goes starts when that let it go on. */
  startedAt: number;
  /** Monotonic milliseconds; NaN until it is over. */
  finishedAt: number = Number.NaN;
  /** On a call: whether its request can be sent again. A streamed body clears it with its first byte. @internal */
  replayable = true;
  /** Monotonic milliseconds by which all must be done; `Infinity` when nothing limits it. */
  deadline: number = Number.POSITIVE_INFINITY;
  /** On a call: whose time that is. @internal */
  limitedBy: LimitedBy = 'caller';
  /** Most attempts that the caller allows for this call, `undefined` for any number; it may only narrow what is configured. @internal */
  maxAttempts: number | undefined;
  /** Most requests that the endpoint of this attempt may have in flight, this one included, without refusing it; `undefined` for any number. @internal */
  limit: number | undefined;
  /** On a call: its attempts that an endpoint over its limit refused. They were not executed, and count for nothing. @internal */
  refusals = 0;
  /** Whether this call arrived here as part of a retry, so that this layer must not multiply it. @internal */
  retried = false;
  endpoint: Endpoint | undefined;
  /** What the balancer knows of the endpoint; only `balancer` looks inside. @internal */
  node: unknown;
  verdict: Verdict | undefined;
  trace: TraceContext | undefined;
  /** `baggage` of the request that the call is made for, or empty. */
  baggage = '';
  /** How much it matters to whoever asked first; `default` when nobody said. */
  priority: Priority | undefined;
  /** A span of a tracing library, when one is there; only `telemetry` looks inside. @internal */
  span: unknown;
  /** On a call: the hash of what it is spread over the instances by; `undefined` when any may have it. @internal */
  hash: number | undefined;
  /** Why the attempt failed, for reports. @internal */
  error: unknown;
  /** What is true of few; added to by `note`. @internal */
  noted: Notes<Context> = NOTHING;

  /** Made when there are any. */
  #headers: string[] | undefined;
  #controller: AbortController | undefined;
  #cancelled: Error | undefined;
  #ended = false;
  #endedWith: unknown;
  #limits: Timer[] | Timer | undefined;
  #children: Context[] | Context | undefined;
  /** The call that ends with this attempt. */
  #heir: Context | undefined;
  #onCancel: Listeners<Error, Context>;
  #onEnd: Listeners<unknown, Context>;

  /** @internal */
  constructor(target: string, description: Description, startedAt: number, parent?: Context) {
    this.target = target;
    this.operation = description.operation;
    this.idempotent = description.idempotent;
    this.streamed = description.streamed ?? false;
    this.startedAt = startedAt;
    this.parent = parent;
    if (parent === undefined) {
      this.attempt = 0;
    } else {
      this.attempt = (parent.previous?.attempt ?? 0) + 1;
      this.previous = parent.previous;
      this.span = parent.span;
      this.#inherit(parent);
    }
  }

  /** A context for the next attempt of this call. @internal */
  fork(now: number): Context {
    const child = new Context(this.target, this, now, this);
    this.previous = child;
    this.#children = append(this.#children, child);
    if (this.#cancelled !== undefined) child.cancel(this.#cancelled);
    return child;
  }

  /** A call of its own for the same request: of the same trace, as long, and as important. Nothing else that changes is shared. */
  another(target: string, now: number): Context {
    const call = new Context(target, this, now);
    call.replayable = this.replayable;
    call.maxAttempts = this.maxAttempts;
    call.hash = this.hash;
    call.#inherit(this);
    return call;
  }

  /** Headers to send, as name, value, name, value; names in lower case. An attempt begins with those of its call. */
  get headers(): string[] {
    this.#headers ??= [];
    return this.#headers;
  }

  /** Adds headers. The list may become its own. @internal */
  addHeaders(headers: string[]): void {
    if (this.#headers === undefined) this.#headers = headers;
    else this.#headers.push(...headers);
  }

  /** Puts down what is true of it. @internal */
  note(notes: Notes<Context>): void {
    this.noted = { ...this.noted, ...notes };
  }

  /** The call that this belongs to: itself, when it is one. */
  get root(): Context {
    return this.parent ?? this;
  }

  /** Whether a filter of the application may have held it up since it started. @internal */
  get held(): boolean {
    return this.root.noted.faulted !== undefined;
  }

  /** Which attempt this is, those aside that a busy endpoint refused before it: 1 for the first. @internal */
  get counted(): number {
    return this.attempt - this.root.refusals;
  }

  /** Why it was cancelled, if it was. */
  get cancelled(): Error | undefined {
    return this.#cancelled;
  }

  /** Whether it is over, body included. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Aborts when the context is cancelled. Made when first asked for: a signal costs more than most filters. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#cancelled !== undefined) this.#controller.abort(this.#cancelled);
    }
    return this.#controller.signal;
  }

  /** Gives it up with a reason; without effect when it is over or was cancelled before. @internal */
  cancel(reason: Error): void {
    if (this.#ended || this.#cancelled !== undefined) return;
    this.#cancelled = reason;
    cancelAll(this.#limits);
    this.#controller?.abort(reason);
    const listeners = this.#onCancel;
    this.#onCancel = undefined;
    this.#tell(listeners, reason);
    const children = this.#children;
    if (Array.isArray(children)) for (const child of children) child.cancel(reason);
    else children?.cancel(reason);
  }

  /** Calls `listener` once if the context is cancelled before it ends; at once if it already is. */
  onCancel(listener: Listener<Error>): void;
  /** @internal */
  onCancel(listener: Listener<Error> | Hearer<Error, Context>): void;
  onCancel(listener: Listener<Error> | Hearer<Error, Context>): void {
    if (this.#cancelled !== undefined) tell(listener, this.#cancelled, this);
    else if (!this.#ended) this.#onCancel = append(this.#onCancel, listener);
  }

  /** Says that it is over: with the error that broke it, or without one. Only the first time counts. @internal */
  end(error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#endedWith = error;
    cancelAll(this.#limits);
    this.#onCancel = undefined;
    const listeners = this.#onEnd;
    this.#onEnd = undefined;
    this.#tell(listeners, error);
    this.#heir?.end(error);
  }

  /** Ends with `attempt`, and as it does: what it came to is the outcome of this. @internal */
  endWith(attempt: Context): void {
    if (attempt.#ended) this.end(attempt.#endedWith);
    else attempt.#heir = this;
  }

  /** Cancels `timer`, which limits this context, as soon as it is over or given up. @internal */
  limitBy(timer: Timer): void {
    if (this.#ended || this.#cancelled !== undefined) timer.cancel();
    else this.#limits = append(this.#limits, timer);
  }

  /** Calls `listener` when the context ends, with the error if there was one; at once if it already has. */
  onEnd(listener: Listener<unknown>): void;
  /** @internal */
  onEnd(listener: Listener<unknown> | Hearer<unknown, Context>): void;
  onEnd(listener: Listener<unknown> | Hearer<unknown, Context>): void {
    if (this.#ended) tell(listener, this.#endedWith, this);
    else this.#onEnd = append(this.#onEnd, listener);
  }

  /** Takes over what attempts of a call, and calls beside it, have in common with it. */
  #inherit(from: Context): void {
    this.deadline = from.deadline;
    this.limitedBy = from.limitedBy;
    this.retried = from.retried;
    this.trace = from.trace;
    this.baggage = from.baggage;
    this.priority = from.priority;
    if (from.#headers !== undefined) this.#headers = [...from.#headers];
  }

  #tell<T>(listeners: Listeners<T, Context>, value: T): void {
    if (Array.isArray(listeners)) for (const listener of listeners) this.#tellOne(listener, value);
    else if (listeners !== undefined) this.#tellOne(listeners, value);
  }

  #tellOne<T>(listener: Listener<T> | Hearer<T, Context>, value: T): void {
    try {
      tell(listener, value, this);
    } catch (error) {
      const { faulted } = this.root.noted;
      if (faulted === undefined) throw error;
      faulted(error);
    }
  }
}

function append<T extends object>(list: T[] | T | undefined, item: T): T[] | T {
  if (list === undefined) return item;
  if (!Array.isArray(list)) return [list, item];
  list.push(item);
  return list;
}

function cancelAll(timers: Timer[] | Timer | undefined): void {
  if (Array.isArray(timers)) for (const timer of timers) timer.cancel();
  else timers?.cancel();
}
