import type { Context } from './context.ts';

const CALL = Symbol.for('heddle.call');

/** Remembers which call an error or a response belongs to, where nobody who prints or copies it will see. */
export function attachCall(thing: unknown, ctx: Context): void {
  if (typeof thing !== 'object' || thing === null || Object.hasOwn(thing, CALL)) return;
  Reflect.defineProperty(thing, CALL, { value: ctx.root, configurable: true });
}

/** The call that an error or a response belongs to, if the mesh made it. */
export function callOf(thing: unknown): Context | undefined {
  if (typeof thing !== 'object' || thing === null) return undefined;
  const ctx: unknown = Reflect.get(thing, CALL);
  return ctx as Context | undefined; // only attachCall writes under this symbol
}
