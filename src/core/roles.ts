/** A place in a stack: what stands there, and why not elsewhere. */
export interface Place {
  readonly role: string;
  /** Whether it is there unless somebody takes it out. */
  readonly on: boolean;
  readonly why: string;
}

/** The order of the stack that a call passes through, outermost first. */
export const clientRoles = [
  { role: 'trace', on: true, why: 'its span covers everything below' },
  { role: 'stats', on: true, why: 'counts logical calls, refused and expired ones too' },
  {
    role: 'mirror',
    on: false,
    why: 'above all that may answer or refuse a call, so that it copies what callers ask for',
  },
  { role: 'fallback', on: false, why: 'sees the final outcome' },
  {
    role: 'cache',
    on: false,
    why: 'below fallback, so that it keeps only what the service itself gave; above breaker, so that what it has needs no service, and counts as none of its successes',
  },
  { role: 'breaker', on: true, why: 'counts logical outcomes, above deadline so that expiries count' },
  { role: 'deadline', on: true, why: 'bounds all attempts together' },
  {
    role: 'single-flight',
    on: false,
    why: 'below deadline, so that each who waits has its own; above the limits, so that who waits takes no place',
  },
  {
    role: 'bulkhead',
    on: false,
    why: 'above concurrency, so that what is refused for one takes no place of the others',
  },
  { role: 'concurrency', on: true, why: 'above retry, so that a retry does not queue behind itself' },
  {
    role: 'retry',
    on: true,
    why: 'above balance, so that each attempt picks anew and avoids the endpoints already tried',
  },
  { role: 'hedge', on: false, why: 'a second copy of one attempt' },
  {
    role: 'throttle',
    on: false,
    why: 'below retry and hedge, so that it counts what would be sent; above balance, as it spares all endpoints together',
  },
  { role: 'balance', on: true, why: 'the hinge: picks a node, reports the end of the attempt' },
] as const satisfies readonly Place[];

/** The order of the stack that an attempt passes through at its endpoint, outermost first. */
export const endpointRoles = [
  { role: 'attempt-trace', on: true, why: 'child span, names the endpoint' },
  { role: 'attempt-stats', on: true, why: 'counts every send, per endpoint' },
  { role: 'health', on: true, why: 'above classify and timeout, so that it sees their verdicts' },
  { role: 'classify', on: true, why: 'the only place that decides what an outcome means' },
  { role: 'load', on: true, why: 'inside of classify, so that it sees what a refusal says of the load too' },
  { role: 'attempt-timeout', on: true, why: 'bounds one send, its body included' },
  { role: 'fault', on: false, why: 'injected faults look like real ones to all above, and are timed out as these are' },
  {
    role: 'propagate',
    on: true,
    why: 'lowest: writes trace, deadline, attempt, caller and target on what is really sent',
  },
] as const satisfies readonly Place[];

/** The name of a place in one of the two stacks. */
export type StackRole = (typeof clientRoles | typeof endpointRoles)[number]['role'];
