import type { Binding } from '../core/binding.ts';
import type { Context } from '../core/context.ts';
import type { HttpBinding } from '../core/http-binding.ts';
import type { Service } from '../core/service.ts';
import type { AnswerCache } from './answer-cache.ts';
import { sent } from './inner-call.ts';

/** Methods that change nothing; any other may. */
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

export function changesNothing({ operation }: Context): boolean {
  return SAFE.has(operation);
}

interface Parts<Req, Res> {
  readonly answers: AnswerCache;
  readonly target: string;
  readonly binding: Binding<Req, Res>;
  readonly http: HttpBinding<Req, Res>;
}

/**
 * Passes on requests that may change something, and forgets the answers to their path, and to those that the answer names in `location` and
 * `content-location` (RFC 9111, 4.4). A 4xx changed nothing. What failed in another way may have been done all the same.
 */
export function changing<Req, Res>(
  next: Service<Req, Res>,
  { answers, target, binding, http }: Parts<Req, Res>,
): Service<Req, Res> {
  const changed = (req: Req, res: Res): void => {
    const path = http.path(req);
    const status = http.status(res);
    if (status >= 400 && status < 500) return;
    answers.changed(path);
    if (status >= 400) return;
    for (const name of ['location', 'content-location']) {
      const other = pathOn(target, path, binding.header?.(res, name));
      if (other !== undefined) answers.changed(other);
    }
  };
  return (req, ctx) =>
    next(req, ctx).then(
      (res) => {
        changed(req, res);
        return res;
      },
      (error: unknown) => {
        if (sent(ctx)) answers.changed(http.path(req));
        throw error;
      },
    );
}

/** Path and query of a URL, if it is one of this service. */
function pathOn(service: string, from: string, url: string | undefined): string | undefined {
  if (url === undefined) return undefined;
  const to = URL.parse(url, `http://${service}${from}`);
  return to?.host === service ? to.pathname + to.search : undefined;
}
