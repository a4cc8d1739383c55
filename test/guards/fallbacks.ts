import type { Guard } from './guard.ts';

const sources = { file: 'src/filters/fallback-sources.ts', test: 'test/filters/fallback.test.ts' };
const fallback = { file: 'src/filters/fallback.ts', test: 'test/filters/fallback.test.ts' };

const functions = { file: 'src/filters/fallback-function.ts', test: 'test/client/service-fallback.test.ts' };

/** What keeps an answer in the place of a failure from making things worse, or looking like success. */
export const fallbackGuards: readonly Guard[] = [
  {
    ...sources,
    failure: 'F84',
    guard: 'throw new FallbackError(target, thrown, failure.error);',
    without: 'throw thrown;',
    name: 'F84: ',
  },
  {
    ...fallback,
    failure: 'F84',
    guard: ' || answering.isRefusal(res)',
    without: '',
    name: 'a response of 429 is the answer',
  },
  {
    failure: 'F84',
    file: 'src/filters/fallback.ts',
    guard: '        if (provesWell(error, inner)) throw error;\n',
    without: '',
    test: 'test/client/service-fallback.test.ts',
    name: 'an error that proves the service well',
  },
  {
    ...functions,
    failure: 'F84',
    guard: ' || made === response',
    without: '',
    name: 'a response that failed is freed once',
  },
  {
    ...functions,
    failure: 'F84',
    guard: 'isThenable(given) ? Promise.resolve(given).then(checked) : checked(given)',
    without: 'given instanceof Promise ? given.then(checked) : checked(given as Res)',
    name: 'F84: a function that gives what rejects and is no promise',
  },
  {
    ...sources,
    failure: 'F64',
    guard: "      if (!ctx.idempotent && error.resend !== 'safe' && sent(ctx)) return undefined;\n",
    without: '',
    name: 'another service does not get a POST',
  },
  {
    ...fallback,
    failure: 'F70',
    guard: '        if (ctx.cancelled !== undefined || !(error instanceof MeshError)',
    without: '        if (!(error instanceof MeshError)',
    name: 'a caller that gives up is not answered',
  },
  {
    failure: 'F88',
    file: 'src/filters/bulkhead.ts',
    guard: 'if (others === 0) running.delete(key);',
    without: 'if (others === 0) running.set(key, 0);',
    test: 'test/filters/bulkhead.test.ts',
    name: 'F88: ',
  },
  {
    failure: 'F70',
    file: 'src/filters/single-flight.ts',
    guard: '          if (flight.waiting > 0) return;\n',
    without: '',
    test: 'test/filters/single-flight.test.ts',
    name: 'F70: whoever began it',
  },
  {
    failure: 'F81',
    file: 'src/filters/inner-call.ts',
    guard: ', ...(shared !== undefined && { shared })',
    without: '',
    test: 'test/telemetry/tracing.test.ts',
    name: 'the span of a call that waited for the same one',
  },
  {
    failure: 'F81',
    file: 'src/filters/breaker.ts',
    guard: 'shared || verdictOnCall(error)',
    without: 'verdictOnCall(error)',
    test: 'test/filters/single-flight.test.ts',
    name: 'F81: a failure is that of all who wait',
  },
  {
    failure: 'F83',
    file: 'src/filters/mirror.ts',
    guard: '      } catch (error) {\n        events.emit(',
    without: '      } catch (error) {\n        throw error;\n        events.emit(',
    test: 'test/filters/mirror.test.ts',
    name: 'F83: ',
  },
  {
    failure: 'F71',
    file: 'src/filters/single-flight.ts',
    guard: '            ctx.end();\n',
    without: '',
    test: 'test/filters/settling.test.ts',
    name: 'F71: ',
  },
  {
    failure: 'F71',
    file: 'src/filters/fallback-sources.ts',
    guard: '        if (ctx.cancelled === undefined) ctx.end();\n',
    without: '',
    test: 'test/filters/settling.test.ts',
    name: 'F71: ',
  },
];
