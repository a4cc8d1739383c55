import type { LimitedBy } from './limited-by.ts';
import type { NotRetried } from './not-retried.ts';

/**
 * Whether the same request may be sent again after this error.
 *
 * - `safe`: surely not executed, so any request may be.
 * - `idempotent`: perhaps executed, so only a request that may run twice.
 * - `never`: sending again cannot help.
 */
export type Resend = 'safe' | 'idempotent' | 'never';

export type MeshErrorCode =
  | 'MESH_CONFIG'
  | 'MESH_CLOSED'
  | 'MESH_CANCELLED'
  | 'MESH_DEADLINE'
  | 'MESH_NO_ENDPOINTS'
  | 'MESH_BREAKER_OPEN'
  | 'MESH_REFUSED'
  | 'MESH_ATTEMPT_TIMEOUT'
  | 'MESH_CONNECT'
  | 'MESH_TRANSPORT'
  | 'MESH_MISDIRECTED'
  | 'MESH_FALLBACK'
  | 'MESH_STATUS';

interface MeshErrorFields {
  readonly resend: Resend;
  readonly service?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly cause?: unknown;
  /** Expected refusals are thrown most when the process is busiest; capturing a stack costs six times the rest. */
  readonly stack?: false;
}

/** Every error that the mesh itself raises. `code` is stable; the message is for people. */
export class MeshError extends Error {
  readonly code: MeshErrorCode;
  readonly resend: Resend;
  /** The logical service that was called, when one was. */
  readonly service: string | undefined;
  /** The endpoint of the attempt that failed, when one was picked. */
  readonly endpoint: string | undefined;
  /** Sends made for the call when it failed; 0 when it was refused before the first. */
  attempts = 0;
  /** Why the attempt that failed was not followed by another; `undefined` when that was never asked. */
  notRetried: NotRetried | undefined;

  constructor(code: MeshErrorCode, message: string, fields: MeshErrorFields) {
    const limit = Error.stackTraceLimit;
    if (fields.stack === false) Error.stackTraceLimit = 0;
    super(message, fields.cause === undefined ? undefined : { cause: fields.cause });
    Error.stackTraceLimit = limit;
    this.name = new.target.name;
    this.code = code;
    this.resend = fields.resend;
    this.service = fields.service;
    this.endpoint = fields.endpoint;
  }
}

/**
 * Whether `error` was raised by a mesh; true across copies of the library in one process. An error of a client that only took over the code
 * of its cause, as got's do, is none.
 */
export function isMeshError(error: unknown): error is MeshError {
  return (
    error instanceof Error &&
    'resend' in error &&
    'code' in error &&
    typeof error.code === 'string' &&
    error.code.startsWith('MESH_')
  );
}

/** A wrong option. Thrown when something is constructed, never by a call. */
export class ConfigError extends MeshError {
  constructor(message: string) {
    super('MESH_CONFIG', message, { resend: 'never' });
  }
}

/** The mesh was closed before the call started. */
export class ClosedError extends MeshError {
  constructor(service?: string) {
    super('MESH_CLOSED', 'the mesh is closed', { resend: 'never', service, stack: false });
  }
}

/** The caller gave the call up; `cause` is the reason of its signal. */
export class CancelledError extends MeshError {
  constructor(service: string, cause?: unknown) {
    super('MESH_CANCELLED', `the call to '${service}' was cancelled by its caller`, {
      resend: 'never',
      service,
      cause,
      stack: false,
    });
  }
}

/** Nobody waits for the outcome any more: the client of the request that it is for went away. */
export class ClientGoneError extends MeshError {
  constructor(service: string, message: string, cause?: unknown) {
    super('MESH_CANCELLED', message, { resend: 'never', service, cause, stack: false });
  }
}

/** The time for the whole call, all attempts together, ran out. */
export class DeadlineError extends MeshError {
  /** Whether the time was not the service's own but what was left of the request that the call was made for. */
  readonly inherited: boolean;
  /** Whose time it was. @internal */
  limitedBy: LimitedBy;

  constructor(service: string, inherited: boolean, message: string) {
    super('MESH_DEADLINE', message, { resend: 'never', service, stack: false });
    this.inherited = inherited;
    this.limitedBy = inherited ? 'request' : 'service';
  }
}

/** Discovery knows nobody to call; the message says what it does know. */
export class NoEndpointsError extends MeshError {
  constructor(service: string, message: string) {
    super('MESH_NO_ENDPOINTS', message, { resend: 'never', service, stack: false });
  }
}

/** The breaker of the service is open: the call was not sent. */
export class BreakerOpenError extends MeshError {
  constructor(service: string, message: string) {
    super('MESH_BREAKER_OPEN', message, { resend: 'never', service, stack: false });
  }
}

/**
 * A limit refused the call before it was executed: one of this process (`concurrency`, `bulkhead`, `throttle`), one of the server (`overload`), or one that the call
 * itself asked a busy server to keep (`busy`), so that it goes to another. `nack` is any other refusal of a server.
 */
export class RefusedError extends MeshError {
  readonly reason: 'concurrency' | 'bulkhead' | 'throttle' | 'overload' | 'nack' | 'busy';
  /** The pause that the server asked for, as it said it. @internal */
  retryAfter: string | undefined;

  constructor(service: string, reason: RefusedError['reason'], message: string, endpoint?: string) {
    // What this process refuses, it would refuse again; what one server refused, another may take.
    const own = reason === 'concurrency' || reason === 'bulkhead' || reason === 'throttle';
    const resend = own ? 'never' : 'safe';
    super('MESH_REFUSED', message, { resend, service, endpoint, stack: false });
    this.reason = reason;
  }
}

/** Whether an endpoint refused an attempt that asked it to, because it is busier than others. @internal */
export function softlyRefused(error: unknown): boolean {
  return error instanceof RefusedError && error.reason === 'busy';
}

/** What was to answer in the place of a failed call failed as well. `cause` is what the call itself failed with. */
export class FallbackError extends MeshError {
  /** What the fallback threw. */
  readonly thrown: unknown;

  constructor(service: string, thrown: unknown, cause: unknown) {
    super('MESH_FALLBACK', `the fallback of '${service}' failed: ${messageOf(thrown)}`, {
      resend: 'never',
      service,
      cause,
      stack: false,
    });
    this.thrown = thrown;
  }
}

/** One attempt took longer than its share, head and body together. */
export class AttemptTimeoutError extends MeshError {
  constructor(service: string, endpoint: string | undefined, afterMs: number) {
    super('MESH_ATTEMPT_TIMEOUT', `'${service}' (${endpoint ?? 'no endpoint'}) did not answer within ${afterMs} ms`, {
      resend: 'idempotent',
      service,
      endpoint,
      stack: false,
    });
  }
}

/** No connection was made, so nothing was executed. */
export class ConnectError extends MeshError {
  constructor(service: string, endpoint: string | undefined, cause: unknown) {
    super('MESH_CONNECT', `cannot connect to '${service}' (${endpoint ?? 'no endpoint'}): ${messageOf(cause)}`, {
      resend: 'safe',
      service,
      endpoint,
      cause,
      stack: false,
    });
  }
}

/** The connection broke after the request was, or may have been, sent. */
export class TransportError extends MeshError {
  constructor(service: string, endpoint: string | undefined, cause: unknown, resend: Resend = 'idempotent') {
    super(
      'MESH_TRANSPORT',
      `the connection to '${service}' (${endpoint ?? 'no endpoint'}) failed: ${messageOf(cause)}`,
      {
        resend,
        service,
        endpoint,
        cause,
        stack: false,
      },
    );
  }
}

/** The address answered that it is not the service that was meant: its port was reused. Nothing was executed. */
export class MisdirectedError extends MeshError {
  constructor(service: string, endpoint: string | undefined) {
    super('MESH_MISDIRECTED', `${endpoint ?? 'the endpoint'} is no longer an instance of '${service}'`, {
      resend: 'safe',
      service,
      endpoint,
      stack: false,
    });
  }
}

/** The message of anything that was thrown; never empty for an error. */
export function messageOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return textOf(thrown);
  // An AggregateError of Node's connection attempts has an empty message; its first part says what happened.
  if (thrown.message === '' && thrown instanceof AggregateError && thrown.errors.length > 0)
    return messageOf(thrown.errors[0]);
  // fetch says only that it failed; its cause says why.
  if (thrown.message === 'fetch failed' && thrown.cause !== undefined) return messageOf(thrown.cause);
  if (thrown.message !== '') return thrown.message;
  return 'code' in thrown ? textOf(thrown.code) : thrown.name;
}

function textOf(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return 'an object'; // one without a prototype, or with a `toString` that throws
  }
}
