import { stacksOf } from './assemble.ts';
import { bufferedBinding } from './native/binding.ts';
import type { OwnClient } from './own-clients.ts';
import type { Parts } from './parts.ts';
import type { Target } from './target.ts';

/** The layers of a client of the mesh, or of a function, outermost first: that of the client, then that of an attempt. Filters of the application are not among them. */
export function explainStack(target: Target, parts: Parts, answers?: OwnClient['answers']): string {
  const binding = bufferedBinding(target.pools);
  const answer = answers === true ? { make: neverCalled, limitMs: undefined } : undefined;
  const its = answers === undefined ? binding : { ...binding, http: undefined, answer };
  const { client, endpoint } = stacksOf(target, its, parts, () => neverCalled);
  return `${client}\n${endpoint}`;
}

/** The stack is printed, not built. */
const neverCalled = () => Promise.reject(new Error('a stack that is printed is not called'));
