import { expect, test } from 'vitest';
import { resolveBulkhead } from '../../src/filters/bulkhead-options.ts';
import { resolveFault } from '../../src/filters/fault-options.ts';
import { resolveHedge } from '../../src/filters/hedge-options.ts';
import { resolveMirror } from '../../src/filters/mirror-options.ts';
import { resolveRetry } from '../../src/filters/retry-options.ts';
import { resolveSingleFlight } from '../../src/filters/single-flight-options.ts';
import { resolveThrottle } from '../../src/filters/throttle-options.ts';
import { ConfigError } from '../../src/index.ts';

const by = { header: 'x-tenant' };
const resolvers = {
  retry: resolveRetry,
  hedge: resolveHedge,
  throttle: resolveThrottle,
  singleFlight: resolveSingleFlight,
  fault: (name: string, options: object) => resolveFault(name, { abort: 503, ...options }),
  mirror: (name: string, options: object) => resolveMirror(name, { service: 'next', ...options }),
  bulkhead: (name: string, options: object) => resolveBulkhead(name, { by, ...options }),
};
type Name = keyof typeof resolvers;
const resolve = (name: Name, options: object) => resolvers[name](name, options);

test.each(Object.keys(resolvers) as Name[])('an option of %s that there is not is refused', (name) => {
  expect(() => resolve(name, { atempts: 1 })).toThrow(ConfigError);
  expect(() => resolve(name, { atempts: 1 })).toThrow("has no option 'atempts'");
});

test.each<[Name, object]>([
  ['retry', { attempts: 3, baseMs: 25, maxMs: 250, budgetRatio: 0.2, budgetPerSecond: 10 }],
  ['hedge', { quantile: 0.99, budgetRatio: 0.02 }],
  ['throttle', { ratio: 2, minimum: 20 }],
  ['fault', { delayMs: false, delayRatio: 1, abort: 503, abortRatio: 1, header: false }],
  ['mirror', { service: 'next', ratio: 1, concurrency: 10, methods: 'idempotent' }],
  ['bulkhead', { max: 100 }],
])('without options %s is %o', (name, options) => {
  expect(resolve(name, {})).toMatchObject(options);
});

test.each<[Name, object, object]>([
  ['retry', { attempts: 1 }, { attempts: 0 }],
  ['retry', { attempts: 5 }, { attempts: 6 }],
  ['retry', { baseMs: 0 }, { baseMs: -1 }],
  ['retry', { baseMs: 25, maxMs: 25 }, { baseMs: 25, maxMs: 24 }],
  ['retry', { budgetRatio: 0 }, { budgetRatio: -0.01 }],
  ['retry', { budgetRatio: 1 }, { budgetRatio: 1.01 }],
  ['retry', { budgetPerSecond: 0 }, { budgetPerSecond: -0.01 }],
  ['retry', { budgetPerSecond: 1_000 }, { budgetPerSecond: 1_000.5 }],
  ['fault', { abort: 400 }, { abort: 399 }],
  ['fault', { abort: 599 }, { abort: 600 }],
  ['fault', { abort: 500 }, { abort: 500.5 }],
  ['fault', { abort: 'reset' }, { abort: '500' }],
])('%s takes %o and refuses %o', (name, good, bad) => {
  expect(resolve(name, good)).toMatchObject(good);
  expect(() => resolve(name, bad)).toThrow(ConfigError);
});
