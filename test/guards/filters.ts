import type { Guard } from './guard.ts';

const passage = { failure: 'F83', file: 'src/core/passage.ts', test: 'test/client/filters.test.ts' };
const guarded = { failure: 'F83', file: 'src/core/guarded-filter.ts', test: 'test/client/filters.test.ts' };

/** What keeps a filter of the application, and whatever else it hands to the mesh, from hurting others than its own calls. */
export const filterGuards: readonly Guard[] = [
  {
    ...guarded,
    guard: '          if (!passage.over) fail(error);\n',
    without: '',
    name: 'F83: a filter that throws fails its call',
  },
  {
    ...guarded,
    guard: "    faults.report('built', error);\n    return () => Promise.reject(error);\n",
    without: '    throw error;\n',
    name: 'F83: a filter that cannot be built',
  },
  {
    ...passage,
    guard: "    ctx.verdict ??= 'ignorable';\n",
    without: '',
    name: 'an answer of a filter does not close a breaker',
  },
  {
    ...passage,
    guard: '    if (Number.isNaN(ctx.finishedAt)) ctx.finishedAt = this.#scope.clock.now();\n',
    without: '',
    name: 'F83: an error of its own is the error of the call',
  },
  {
    ...passage,
    guard: "    if (this.below !== 'sent') this.#ctx.end();\n",
    without: '',
    name: 'an answer that a filter gives itself',
  },
  {
    ...passage,
    guard: '        if (error !== this.#error) explain(error, this.#error);\n',
    without: '',
    name: 'F83: an error of its own after one from below',
  },
  {
    ...passage,
    guard: '        this.#scope.discard(this.#res as Res); // it is there once it is answered\n',
    without: '',
    name: 'F83: a response that a filter fails after all',
  },
  {
    ...passage,
    guard: 'this.#ctx.cancel(error instanceof Error ? error : new CancelledError(this.#ctx.target, error));',
    without: '{}',
    name: 'F83: what a filter fails while it is under way',
  },
  {
    ...passage,
    guard: '        if (this.over) this.#ctx.end(error);\n        else this.#limit();\n',
    without: '        if (!this.over) this.#limit();\n',
    name: 'F83: what goes on below after a filter has answered',
  },
  {
    ...passage,
    guard: '        if (!this.over) this.#limit();\n        else if',
    without: '        if',
    name: 'F83: a filter that hangs after next',
  },
  {
    ...passage,
    guard: '        this.#ctx.end(reason);\n',
    without: '',
    name: 'F83: a filter that answers before next is done',
  },
  {
    ...passage,
    guard: "      if (this.below === 'unsent') giveUp(reason);\n",
    without: "      if (this.below === 'unsent') return;\n",
    name: 'F83: a filter that never lets go',
  },
  {
    ...passage,
    guard: '      else this.#set(this.#scope.clock.after(0, () => giveUp(reason)));\n',
    without: '',
    name: 'F83: a filter that never lets go',
  },
  {
    ...guarded,
    guard: "      if (passage.below !== 'unsent') return misused('a second time for one call');\n",
    without: '',
    name: 'F83: next goes down once',
  },
  {
    ...guarded,
    guard: '      if (ctx.parent !== undefined && ctx.node === undefined) ctx.startedAt = clock.now();\n',
    without: '',
    name: 'F83: what a filter waits for before ',
  },
  {
    failure: 'F83',
    file: 'src/filters/breaker.ts',
    guard: "ctx.verdict === 'ignorable' || shared || verdictOnCall",
    without: 'shared || verdictOnCall',
    test: guarded.test,
    name: 'F83: calls that a filter holds until their deadline',
  },
  {
    failure: 'F83',
    file: 'src/filters/breaker.ts',
    guard: "      if (ctx.verdict === 'success' && !shared) circuit.record(ctx, false);\n      else if",
    without: '      if',
    test: 'test/client/service.test.ts',
    name: 'an error that proves the service well closes its breaker',
  },
  {
    failure: 'F68',
    file: 'src/filters/propagate.ts',
    guard: 'ctx.held ? clock.now() : ctx.startedAt',
    without: 'ctx.startedAt',
    test: guarded.test,
    name: 'F68: a server is told the time that is left after a filter',
  },
  {
    ...guarded,
    guard: '  refusal.catch(() => {});\n',
    without: '',
    name: 'F83: a call of next that is refused',
  },
  {
    failure: 'F83',
    file: 'src/core/hooks.ts',
    guard: '        // One that is `async` has the type of one that is not.\n        if (given instanceof Promise)',
    without: '        if (given === 1 && given instanceof Promise)',
    test: guarded.test,
    name: 'F83: a hook that throws, rejects',
  },
  {
    failure: 'F83',
    file: 'src/core/context.ts',
    guard: '      if (faulted === undefined) throw error;\n',
    without: '      throw error;\n',
    test: guarded.test,
    name: 'F83: a listener of a filter',
  },
  {
    failure: 'F83',
    file: 'src/client/service/asking.ts',
    guard: "    } catch (error) {\n      faults.report('hook', error);\n",
    without: '    } catch (error) {\n      throw error;\n',
    test: 'test/client/service.test.ts',
    name: 'F83: what the functions of the options',
  },
];
