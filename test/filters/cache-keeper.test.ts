import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FilterFaults } from '../../src/core/filter-faults.ts';
import { AnswerCache } from '../../src/filters/answer-cache.ts';
import { createKeeper, type Sent } from '../../src/filters/cache-keeper.ts';
import type { CacheOptions } from '../../src/filters/cache-options.ts';
import { resolveCache } from '../../src/filters/cache-options.ts';
import type { Rules, Terms } from '../../src/filters/cache-rules.ts';
import { MockPeer } from '../../src/testing/entry.ts';
import { harness, outcome } from '../support/harness.ts';
import { callTo, scopeOf } from '../support/scope.ts';

const options: CacheOptions = {};
const asked = { path: '/', scope: '', own: {}, headers: {} };
const broken = new Error('broken');
const res = { status: 200, body: 'Ann', headers: { age: '1' } };

function setup(rules: Rules) {
  const scope = scopeOf();
  const whole = new MockPeer().binding.http?.whole;
  if (typeof whole !== 'object') throw new Error('a mock peer gives whole responses');
  const told: unknown[] = [];
  scope.events.on('fault', (event) => told.push(event));
  const answers = new AnswerCache(resolveCache('cache', options));
  const faults = new FilterFaults('cache', scope);
  const keeper = createKeeper({ answers, rules, whole, maxEntryBytes: 1_000, faults });
  const ctx = callTo();
  ctx.verdict = 'success';
  const sent: Sent = { asked, ctx, asking: answers.ask('/'), old: undefined };
  const counted = () => scope.metrics.value('filter_faults', { service: 'players', filter: 'cache', fault: 'hook' });
  return { keeper, sent, counted, told };
}

test('an answer at which the rules throw is not kept; that is counted, and told once', () => {
  const { keeper, sent, counted, told } = setup(() => {
    throw broken;
  });
  for (let i = 0; i < 3; i++) keeper.came(sent, res);
  expect(keeper.find(asked)).toBe(undefined);
  expect(counted()).toBe(3);
  expect(told).toEqual([{ source: "filter 'cache' of 'players'", error: broken }]);
});

test('a kept answer about which the rules throw is not given: neither as it is, nor instead of an error, nor for a 304', () => {
  const fails = () => {
    throw broken;
  };
  const terms: Terms = { vary: [], forKnown: true, standing: fails, insteadOf: fails, denied: fails, headers: fails };
  const { keeper, sent, counted } = setup(() => terms);
  keeper.came(sent, res);
  expect(keeper.find(asked)).toBe(undefined);
  expect(keeper.find(asked)).toBe(undefined);
  expect(counted()).toBe(1);
  const made = { status: 200, headers: res.headers, body: Buffer.from('Ann') };
  const old = { made, terms, refreshing: false };
  expect(keeper.insteadOf(504, { ...sent, old })).toBe(false);
  expect(keeper.unchanged({ ...sent, old }, { status: 304 })).toBe(undefined);
  expect(keeper.giving(old)).toEqual(made);
  expect(counted()).toBe(4);
});

const word = fc.constantFrom(
  ...['max-age', 's-maxage', 'Max-Age', 'no-cache', 'private', 'public', 'must-revalidate', 'stale-if-error', '=', ','],
  ...[
    'stale-while-revalidate',
    '"',
    '\\',
    ';',
    ' ',
    '-1',
    '0',
    '60',
    '1e9',
    '9'.repeat(400),
    'NaN',
    '*',
    'W/"a"',
    '"a"',
  ],
  ...[
    'Tue, 01 Jan 2030 00:00:00 GMT',
    'Sat, 99 Foo 1',
    '+275760',
    'accept',
    '__proto__',
    'constructor',
    'keep-alive',
    'é',
  ],
);
const value = fc.oneof(
  fc.array(word, { maxLength: 8 }).map((words) => words.join('')),
  fc.array(word, { maxLength: 8 }).map((words) => words.join(', ')),
  fc.string({ maxLength: 20 }),
);
const name = fc.constantFrom(
  ...['cache-control', 'expires', 'date', 'age', 'vary', 'etag', 'last-modified', 'pragma', 'connection', 'warning'],
  ...['set-cookie', 'content-length', 'accept', 'authorization', 'constructor', 'toString', 'x-other'],
);
const headers = fc.dictionary(name, value, { noNullPrototype: true });

test('whatever servers and callers say, every call gets an answer, and no rule throws', async () => {
  const step = fc.record({
    asks: headers,
    says: headers,
    status: fc.constantFrom(200, 304, 404, 500),
    ms: fc.nat(90_000),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
      const { call, peer, clock, metrics } = harness({ cache: {}, retry: false, breaker: false, health: false });
      for (const { asks, says, status, ms } of steps) {
        const reply = call({ headers: asks });
        for (let i = 0; i < 3 && (await outcome(reply)) === 'pending'; i++)
          if (peer.waiting > 0) peer.next().reply({ status, headers: says, body: 'Ann' });
        expect(await outcome(reply)).toMatchObject({ value: {} });
        while (peer.waiting > 0) peer.next().reply({ status, headers: says });
        await clock.advance(ms);
      }
      expect(metrics.value('filter_faults', { service: 'players', filter: 'cache', fault: 'hook' })).toBe(0);
    }),
    { numRuns: 300 },
  );
});
