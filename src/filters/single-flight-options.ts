import { options as known } from '../core/check.ts';
import { resolveHeaderNames } from './header-names.ts';

/** Which GETs are the same, so that those made at the same time are sent once. */
export interface SingleFlightOptions {
  /** Headers that they may differ in: what depends on these is then given to others too. @default none */
  readonly ignoreHeaders?: readonly string[] | undefined;
}

export interface ResolvedSingleFlight {
  readonly ignoreHeaders: readonly string[];
}

export function resolveSingleFlight(name: string, options: SingleFlightOptions): ResolvedSingleFlight {
  known(name, options, ['ignoreHeaders']);
  return { ignoreHeaders: resolveHeaderNames(`${name}.ignoreHeaders`, options.ignoreHeaders) };
}
