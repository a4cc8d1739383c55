import type { Context } from '../core/context.ts';
import type { Scope } from '../core/filter.ts';

/** Of so many calls after a body that nobody read it is kept where they were made, until one of them is the next. */
const PLACES = 1_000;

/**
 * The responses of a service whose body nobody reads. An application that forgets one does so with each call, so the first of a client library is told, and then one
 * with the place in the code where its call was made. That costs more than many a call, and is only looked up once there is something to find.
 */
export class UnreadBodies {
  readonly #told = new Map<string, 'first' | 'placed'>();
  readonly #places = new WeakMap<Context, { readonly stack?: string }>();
  #wanted = 0;

  /** A call was made, by code that is on the stack above `by`. */
  made(call: Context, by: (...given: never[]) => unknown): void {
    if (this.#wanted === 0) return;
    this.#wanted--;
    const place: { readonly stack?: string } = {};
    Error.captureStackTrace(place, by);
    this.#places.set(call, place);
  }

  /** Nobody had begun to read the body of this attempt when its time was over. */
  found({ endpoint, root }: Context, { target, binding, events }: Pick<Scope, 'target' | 'binding' | 'events'>): void {
    const told = this.#told.get(binding);
    if (told === 'placed') return;
    const from = this.#places.get(root)?.stack?.replace(/^.*\n\s*/, '');
    if (from === undefined) this.#wanted = PLACES;
    if (from === undefined && told === 'first') return;
    this.#told.set(binding, from === undefined ? 'first' : 'placed');
    events.emit('unread', { service: target, endpoint: endpoint?.id ?? '', client: binding, from });
  }
}
