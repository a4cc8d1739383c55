import { callable, fail, options as known, oneOf } from '../../core/check.ts';
import type { BrokenConnection } from '../../core/injected-fault.ts';
import type { OwnAnswer } from '../../core/own-answer.ts';
import type { Setting } from '../../core/setting.ts';
import type { Verdict } from '../../core/verdict.ts';
import type { FaultOptions } from '../../filters/fault-options.ts';
import type { PutFilters } from '../filter-stack.ts';
import { type ServiceOptions, serviceOptionNames } from '../settings.ts';
import { type SendFallback, splitFallback } from './send-fallback.ts';

/** What one send came to. */
export type SendOutcome<Res> = { readonly response: Res } | { readonly error: unknown };

/** Faults that the attempts of a function are made to meet: its responses have no status that could be said. */
export interface SendFault extends Omit<FaultOptions, 'abort'> {
  /** What an attempt comes to that is not sent: a connection that is `refused`, or `reset` once the request was sent. @default all are sent */
  readonly abort?: BrokenConnection | undefined;
}

/**
 * How a function is called as a service: on top of what the service is configured with. Of what the service is configured with, `connections` and what is
 * about HTTP is left out: `cache`, `singleFlight`, a status of `fault.abort`, `staleMs` and `answer` of `fallback`. What its functions throw is counted and
 * told as a `fault`, and is as if they were not there; only what `fallback.answer` throws ends the call.
 */
export interface SendOptions<Req, Res>
  extends Omit<ServiceOptions, 'connections' | 'cache' | 'singleFlight' | 'fallback' | 'fault'> {
  /** Whether running a request twice does no more than running it once. @default none is */
  readonly idempotent?: ((request: Req) => boolean) | undefined;
  /** A name of few values for the spans of a request. @default 'call' */
  readonly operation?: ((request: Req) => string) | undefined;
  /**
   * One header of a request, or whatever stands for one, by its name in lower case: for settings that go by headers, such as `balancer.hashOn`.
   * @default requests have none
   */
  readonly header?: ((request: Req, name: string) => string | undefined) | undefined;
  /**
   * One header of a response, or whatever stands for one, by its name in lower case. With it the function hears what servers of the mesh say: `mesh-load` and
   * `endpoint-load-metrics`, `mesh-nack` (a refusal, which becomes a `RefusedError` or `MisdirectedError`, or is sent elsewhere; `classify` is not asked),
   * `mesh-retried` and `retry-after`. Without it no attempt carries `mesh-limit`.
   * @default responses have none
   */
  readonly responseHeader?: ((response: Res, name: string) => string | undefined) | undefined;
  /**
   * What an outcome means: a verdict; `nack` for an error that says that the request was surely not executed, so that any may be sent again; or
   * `undefined`, as if it had not been asked. @default a response is a success, an error of a connection speaks against the endpoint, and any other says nothing
   */
  readonly classify?: ((outcome: SendOutcome<Res>) => Verdict | 'nack' | undefined) | undefined;
  /** Frees a response that nobody will see: one that is sent again, or that came too late. @default nothing has to be freed */
  readonly discard?: ((response: Res) => void) | undefined;
  /** What a call is answered with that failed. `false`: nothing, whatever the service is configured with. @default as the service is configured */
  readonly fallback?: SendFallback<Req, Res> | false | undefined;
  /** Faults that attempts are made to meet, to see what comes of it. @default as the service is configured */
  readonly fault?: SendFault | false | undefined;
  /** Puts filters of your own into the stack of this function. @default none */
  readonly filters?: PutFilters<Req, Res> | undefined;
}

/** What its caller is asked of requests and outcomes. */
export type SendHooks<Req, Res> = Pick<SendOptions<Req, Res>, (typeof HOOKS)[number]>;

/** What is about the function, and not about the service that it calls. */
type Own<Req, Res> = Omit<SendOptions<Req, Res>, keyof ServiceOptions>;
const HOOKS = [
  'idempotent',
  'operation',
  'header',
  'responseHeader',
  'classify',
  'discard',
] as const satisfies readonly (keyof Own<never, never>)[];
const OWN: readonly (keyof Own<never, never>)[] = [...HOOKS, 'filters'];

/** What any client of a service has, and a function has no use for; each with the reason. */
const USELESS = [
  ['connections', 'its function makes its own connections'],
  ['cache', 'only answers of HTTP say for how long they are good'],
  ['singleFlight', 'only GETs of HTTP can be told to be the same'],
] as const satisfies readonly (readonly [keyof ServiceOptions, string])[];

interface SplitOptions<Req, Res> {
  readonly own: Own<Req, Res>;
  /** What failed calls are answered with. */
  readonly answer: OwnAnswer<Req, Res> | undefined;
  /** Settings of the service; `undefined` when it says none. */
  readonly service: ServiceOptions | undefined;
  /** What it says that is no setting of the service, by its name, in words. */
  readonly told: Readonly<Record<string, Setting['value']>>;
}

/** Checks what only such a function has, and sets apart what any client of a service has, which is checked with that. */
export function splitOptions<Req, Res>(name: string, options: SendOptions<Req, Res> = {}): SplitOptions<Req, Res> {
  known(name, options, [...OWN, ...serviceOptionNames]);
  const { idempotent, operation, header, responseHeader, classify, discard, filters, fallback, ...others } = options;
  const own = { idempotent, operation, header, responseHeader, classify, discard, filters };
  for (const hook of HOOKS)
    if (own[hook] !== undefined) callable<(...given: never[]) => unknown>(`${name}.${hook}`, own[hook]);
  for (const [key, why] of USELESS) {
    const value: unknown = Reflect.get(options, key);
    if (value !== undefined) fail(`${name}.${key}`, `left out: ${why}`, value);
  }
  const { fault } = others;
  // What is no object is refused with the rest of the settings.
  if (typeof fault === 'object' && fault !== null && fault.abort !== undefined)
    oneOf(`${name}.fault.abort`, fault.abort, ['refused', 'reset']);
  const { answer, service: instead } = splitFallback(`${name}.fallback`, fallback);
  const service = instead === undefined ? others : { ...others, fallback: instead };
  const told: Record<string, Setting['value']> = {};
  for (const hook of HOOKS) if (own[hook] !== undefined) told[hook] = 'a function';
  if (answer !== undefined) told['fallback.answer'] = 'a function';
  // With a service it is a setting of that.
  if (answer?.limitMs !== undefined && !instead) told['fallback.limitMs'] = answer.limitMs;
  return { own, answer, service: Object.keys(service).length === 0 ? undefined : service, told };
}
