import { finite, integer, options as known } from '../core/check.ts';

/** When calls fail here because the service would refuse them. */
export interface ThrottleOptions {
  /** How many attempts are sent for each that was accepted. 1.1 to 100. @default 2 */
  readonly ratio?: number | undefined;
  /** Attempts in 2 s below which nothing is refused. 1 to 1,000,000. @default 20 */
  readonly minimum?: number | undefined;
}

export interface ResolvedThrottle {
  readonly ratio: number;
  readonly minimum: number;
}

export function resolveThrottle(name: string, options: ThrottleOptions): ResolvedThrottle {
  known(name, options, ['ratio', 'minimum']);
  return {
    ratio: finite(`${name}.ratio`, options.ratio ?? 2, { min: 1.1, max: 100 }),
    minimum: integer(`${name}.minimum`, options.minimum ?? 20, { min: 1, max: 1_000_000 }),
  };
}
