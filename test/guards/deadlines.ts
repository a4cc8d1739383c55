import type { Guard } from './guard.ts';

const request = { file: 'src/core/inbound-request.ts', failure: 'F70' };
const gone = { test: 'test/client-gone.test.ts', name: 'F70: a client that goes away ends all' };
const contract = { test: 'test/client/native.test.ts' };

/** What ends work that nobody waits for any more, and leaves nothing of it. */
export const deadlineGuards: readonly Guard[] = [
  {
    ...request,
    ...gone,
    guard: '    for (const call of calls ?? []) call.cancel(goneBefore(call, gone));\n',
    without: '',
  },
  {
    ...request,
    ...gone,
    guard: '    this.#controller?.abort(gone);\n',
    without: '',
  },
  {
    ...request,
    guard: '      call.cancel(goneBefore(call, this.#gone));\n',
    without: '',
    ...contract,
    name: 'the client of the request that a call is made for goes away',
  },
  {
    ...request,
    guard: '    if (response.writableEnded) return false;\n',
    without: '',
    test: 'test/server/abandoned.test.ts',
    name: 'over HTTP/1.1 a request that was answered never aborts',
  },
  {
    ...request,
    guard: '    this.#timer?.cancel();\n',
    without: '',
    test: 'test/server/abandoned.test.ts',
    name: 'over HTTP/2 a request that was answered never aborts',
  },
  {
    ...request,
    guard: '        calls.delete(call);\n',
    without: '',
    test: 'test/core/inbound-request.test.ts',
    name: 'a call that is over is let go of',
  },
  {
    failure: 'F70',
    file: 'src/client/start-call.ts',
    guard: '    inbound.request?.follow(ctx);\n',
    without: '',
    ...gone,
  },
  {
    failure: 'F67',
    file: 'src/core/inbound-request.ts',
    guard: '        this.#timer = this.#clock.at(this.#deadline, (request) => request.#expire(), this);',
    without: '        return this.#controller.signal;',
    test: 'test/server/abandoned.test.ts',
    name: 'F67: the signal aborts when the time',
  },
  {
    failure: 'F62',
    file: 'src/filters/propagate.ts',
    guard: 'ctx.retried ? Math.max(2, ctx.counted) : ctx.counted',
    without: 'ctx.counted',
    test: 'test/filters/retry.test.ts',
    name: 'F62: what is called for a retry says that it is one',
  },
  {
    failure: 'F62',
    file: 'src/filters/retry.ts',
    guard:
      "    if ('res' in outcome && binding.header?.(outcome.res, 'mesh-retried') !== undefined) return 'already-retried';\n",
    without: '',
    test: 'test/three-tiers.test.ts',
    name: 'F62: a service that answers 503, three layers down, gets at most',
  },
  {
    failure: 'F66',
    file: 'src/client/node-http/replay-body.ts',
    guard: '    this.#held = undefined;\n',
    without: '',
    test: 'test/client/replay-body.test.ts',
    name: 'F66: whenever attempts fail',
  },
  {
    failure: 'F66',
    file: 'src/client/node-http/replay-body.ts',
    guard: '      this.#kept.push(piece);\n',
    without: '',
    test: 'test/client/got.test.ts',
    name: 'a 503 to a POST with an idempotency key is retried elsewhere, body and all (F66)',
  },
  {
    failure: 'F69',
    file: 'src/filters/attempt-timeout.ts',
    guard: '[LATE]: (res: Res) => discard(res)',
    without: '[LATE]: () => {}',
    test: 'test/filters/schedules.test.ts',
    name: 'F69: whatever comes first',
  },
  {
    failure: 'F71',
    file: 'src/core/context.ts',
    guard: '    cancelAll(this.#limits);\n    this.#onCancel = undefined;\n',
    without: '    this.#onCancel = undefined;\n',
    test: 'test/filters/call-leaks.test.ts',
    name: 'F71: ',
  },
  {
    failure: 'F79',
    file: 'src/client/got/wrap.ts',
    guard: 'staysInMesh(response, isService) && (',
    without: '(',
    test: 'test/client/got.test.ts',
    name: 'F79: a redirect to somebody else',
  },
  {
    failure: 'F79',
    file: 'src/client/fetch/wrap.ts',
    guard: 'next && isService(next) && serviceOf(next) === service ? redirected',
    without: 'next ? redirected',
    test: 'test/client/wrapped-fetch.test.ts',
    name: 'a redirect to another service is the answer: no header leaves (F79)',
  },
  {
    failure: 'F79',
    file: 'src/client/fetch/binding.ts',
    guard: "? 'error' : 'manual'",
    without: "? 'error' : 'follow'",
    test: 'test/client/fetch.test.ts',
    name: 'F79: a redirect to somebody else',
  },
];
