import { finite, integer, options as known, oneOf, serviceName } from '../core/check.ts';

const METHODS = ['idempotent', 'all'] as const;

/** Which calls are copied to another service. */
export interface MirrorOptions {
  /** The service that gets the copies. */
  readonly service: string;
  /** The share of calls that are copied. 0 to 1. @default 1 */
  readonly ratio?: number | undefined;
  /** Most copies under way; what is beyond is not copied. 1 to 10,000. @default 10 */
  readonly concurrency?: number | undefined;
  /** `all` to copy what changes something as well, such as a POST. @default 'idempotent' */
  readonly methods?: (typeof METHODS)[number] | undefined;
}

export interface ResolvedMirror {
  readonly service: string;
  readonly ratio: number;
  readonly concurrency: number;
  readonly methods: (typeof METHODS)[number];
}

export function resolveMirror(name: string, options: MirrorOptions): ResolvedMirror {
  known(name, options, ['service', 'ratio', 'concurrency', 'methods']);
  const { service, ratio = 1, concurrency = 10, methods = 'idempotent' } = options;
  return {
    service: serviceName(`${name}.service`, service),
    ratio: finite(`${name}.ratio`, ratio, { min: 0, max: 1 }),
    concurrency: integer(`${name}.concurrency`, concurrency, { min: 1, max: 10_000 }),
    methods: oneOf(`${name}.methods`, methods, METHODS),
  };
}
