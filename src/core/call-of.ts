import type { Context } from './context.ts';

/** What the call is found under: a getter of the mesh's own response, a property attached to everything else. */
export const CALL: unique symbol = Symbol.for('heddle.call');

/**
 * Remembers which call an error or a response belongs to, where nobody who prints or copies it will see. The first call stays; of something
 * that serves several calls, one after the other, `latest` keeps the last.
 */
export function attachCall(thing: unknown, ctx: Context, which: 'first' | 'latest' = 'first'): void {
  if (!isReference(thing) || (which === 'first' && Object.hasOwn(thing, CALL))) return;
  Reflect.defineProperty(thing, CALL, { value: ctx.root, configurable: true });
}

/** The call that an error or a response belongs to, if the mesh made it. */
export function callOf(thing: unknown): Context | undefined {
  if (!isReference(thing)) return undefined;
  const ctx: unknown = Reflect.get(thing, CALL);
  return ctx as Context | undefined; // nothing but a call stands under this symbol
}

function isReference(thing: unknown): thing is object {
  return (typeof thing === 'object' && thing !== null) || typeof thing === 'function';
}
