import { expect, test } from 'vitest';
import { resolveChecks } from '../src/balancer/check-options.ts';
import { resolveService, settingsOf } from '../src/client/settings.ts';
import { resolveQueue } from '../src/core/queue-options.ts';
import { resolveBulkhead } from '../src/filters/bulkhead-options.ts';
import { resolveCache } from '../src/filters/cache-options.ts';
import { resolveFallback } from '../src/filters/fallback-options.ts';
import { resolveFault } from '../src/filters/fault-options.ts';
import { resolveHedge } from '../src/filters/hedge-options.ts';
import { resolveMirror } from '../src/filters/mirror-options.ts';
import { resolveSingleFlight } from '../src/filters/single-flight-options.ts';
import { resolveThrottle } from '../src/filters/throttle-options.ts';
import { resolveInbound } from '../src/server/limit/limit-options.ts';
import { inboundSettings } from '../src/server/limit/limit-settings.ts';
import { readDocument, rowsOf } from './support/markdown.ts';

/** What a layer that is off by default has once it is on; options without a default are told apart by `given`. */
const layers: readonly (readonly [prefix: string, resolved: object, given: readonly string[]])[] = [
  ['hedge', resolveHedge('hedge', {}), []],
  ['queue', resolveQueue('queue', {}), []],
  ['throttle', resolveThrottle('throttle', {}), []],
  ['checks', resolveChecks('checks', {}), []],
  ['fallback', resolveFallback('fallback', { answer: {} }), ['answer']],
  ['cache', resolveCache('cache', {}), []],
  ['singleFlight', resolveSingleFlight('singleFlight', {}), []],
  ['bulkhead', resolveBulkhead('bulkhead', { by: { header: 'a' } }), ['by']],
  ['mirror', resolveMirror('mirror', { service: 'a' }), ['service']],
  ['fault', resolveFault('fault', { abort: 503 }), ['abort']],
];

const text = (value: unknown): string => (Array.isArray(value) && value.length === 0 ? 'none' : String(value));

function defaults(): readonly string[] {
  const settings = [
    ...settingsOf(resolveService('defaults', []), []),
    ...inboundSettings(resolveInbound('inbound')).map((one) => ({ ...one, name: `inbound.${one.name}` })),
    ...inboundSettings(resolveInbound('inbound', { limit: { queue: {} } }))
      .filter(({ name }) => name.startsWith('limit.'))
      .map((one) => ({ ...one, name: `inbound.${one.name}` })),
  ].map(({ name, value }) => `${name} = ${text(value)}`);
  const more = layers.flatMap(([prefix, resolved, given]) =>
    Object.entries(resolved)
      .filter(([name]) => !given.includes(name))
      .map(([name, value]) => `${prefix}.${name} = ${text(value)}`),
  );
  return [...settings, ...more].toSorted();
}

test('the one table of all defaults has each of them, as the code has it', () => {
  const rows = rowsOf(readDocument('docs/defaults.md'), 'what it is by default');
  const told = rows.map((row) => `${row['setting']?.replaceAll('`', '')} = ${row['what it is by default']}`);
  expect(told.toSorted()).toEqual(defaults());
});
