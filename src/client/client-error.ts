import { attachCall } from '../core/call-of.ts';
import type { Context } from '../core/context.ts';
import { ConnectError, TransportError } from '../core/errors.ts';

/**
 * The error as a wrapped client would have met it without the mesh: that of its own connection when there was one, else the mesh's. Either
 * way `meshOf` finds the call behind it.
 */
export function clientError(error: unknown, ctx: Context): Error {
  const met =
    (error instanceof ConnectError || error instanceof TransportError) && error.cause instanceof Error
      ? error.cause
      : error;
  attachCall(met, ctx);
  return met instanceof Error ? met : new Error(String(met));
}
