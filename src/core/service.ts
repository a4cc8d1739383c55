import type { Context } from './context.ts';

/**
 * An asynchronous function from a request to a response: the whole contract between two layers of a stack.
 *
 * It never throws synchronously; a failure is a rejected promise. A *bad response* (a 503, say) is a response, not a
 * rejection: what it means is the verdict that `classify` puts on the context.
 */
export type Service<Req, Res> = (req: Req, ctx: Context) => Promise<Res>;
