import { isIP } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FollowedService } from '../../src/discovery/followed-service.ts';
import { parseRecord } from '../../src/discovery/record.ts';
import type { Instance } from '../../src/discovery/registry.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { createScope, instanceOf } from './setup.ts';

const good = JSON.stringify(
  instanceOf({ attributes: { environment: 'production', version: '1.2.3', zone: 'a' }, protocol: 'https', weight: 2 }),
);
const fields = Object.keys(instanceOf());

/** Pieces of JSON that stand where a value of a record stood. */
const values = [
  'null',
  'true',
  '0',
  '-0',
  '-1',
  '1.5',
  '1e999',
  '-1e999',
  '1e308',
  '65536',
  '9007199254740993',
  '"80"',
  '""',
  '[]',
  '{}',
  '[1]',
  'NaN',
  'Infinity',
  'undefined',
  '0x50',
  '"__proto__"',
  '"constructor"',
  '"toString"',
  '"\\u0000"',
  '"\\ud800"',
  '"\\ufeff"',
  '"\\ufffd"',
  '"a\\r\\nb"',
  '"\\u202e"',
  '"169.254.169.254"',
  '"::ffff:a9fe:a9fe"',
  '"127.1"',
  '"0x7f000001"',
  '"2130706433"',
  '"0177.0.0.1"',
  '"10.0.0.1@evil.com"',
  '"evil.com#@10.0.0.1"',
  '"[::1]"',
  '"localhost"',
  '"\\uff11\\uff10.0.0.1"',
  '"0.0.0.0"',
  '"fe80::1%eth0"',
  '{"__proto__":{"polluted":true}}',
  '{"constructor":{"prototype":{"polluted":true}}}',
  '{"__proto__":"x","toString":"y","":"z"}',
  `${'['.repeat(1_500)}${']'.repeat(1_500)}`,
  `${'{"a":'.repeat(600)}1${'}'.repeat(600)}`,
  `"${'x'.repeat(4_000)}"`,
  `{${Array.from({ length: 65 }, (_, i) => `"a${i}":"x"`).join(',')}}`,
];
/** Pieces of text that stand anywhere. */
const pieces = [
  '',
  '"',
  '\\',
  '{',
  '}',
  ',',
  ':',
  '\0',
  '\n',
  '\ufeff',
  '\ufffd',
  '\ud800',
  '\u202e',
  '__proto__',
  '\\u0000',
  '1e999',
  'é',
  '💣',
];

interface Change {
  readonly kind: 'value' | 'twice' | 'nested' | 'text' | 'cut';
  readonly at: number;
  readonly which: number;
}

const changes = fc.array(
  fc.record<Change>({
    kind: fc.constantFrom('value', 'twice', 'nested', 'text', 'cut'),
    at: fc.nat(10_000),
    which: fc.nat(10_000),
  }),
  { minLength: 1, maxLength: 4 },
);

const pick = <T>(list: readonly T[], which: number): T => list[which % list.length] as T; // no list here is empty

function changed(text: string, { kind, at, which }: Change): string {
  const place = at % (text.length + 1);
  const field = pick(fields, at);
  switch (kind) {
    case 'value':
      return text.replace(new RegExp(`"${field}":("[^"]*"|[^,}]*)`), () => `"${field}":${pick(values, which)}`);
    case 'twice':
      return text.replace(
        '{',
        () => `{"${pick([...fields, '__proto__', 'constructor', 'toString'], at)}":${pick(values, which)},`,
      );
    case 'nested':
      return text.replace(
        '"attributes":{',
        () => `"attributes":{"${pick(['__proto__', 'constructor', 'a'], at)}":${pick(values, which)},`,
      );
    case 'text':
      return text.slice(0, place) + pick(pieces, which) + text.slice(place + (which % 3));
    case 'cut':
      return which % 2 === 0 ? text.slice(0, place) : text.slice(place);
  }
}

/** What everybody inherits, as it stands. */
const inherited = () =>
  JSON.stringify(
    [Object.prototype, Array.prototype, String.prototype, Function.prototype].map((prototype) =>
      Reflect.ownKeys(prototype).map((key) => [
        String(key),
        typeof Object.getOwnPropertyDescriptor(prototype, key)?.value,
      ]),
    ),
  );

/** What holds of each instance that a registry may give, in words of its own. */
function faultOf(instance: Instance): string | undefined {
  const printable = (text: string) =>
    text.isWellFormed() && !/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069\ufeff\ufffd]/u.test(text);
  const { id, service, host, port, protocol, attributes, weight, status, generation } = instance;
  if (Object.keys(instance).sort().join() !== fields.toSorted().join()) return 'fields';
  if (Object.getPrototypeOf(instance) !== Object.prototype) return 'prototype';
  if (id !== 'players-1' || service !== 'players') return 'identity';
  if (isIP(host) === 0 || /^(0|169\.254|22[4-9]|2[3-5]\d)\.|%|^fe80|^ff|a9fe/i.test(host)) return 'host';
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return 'port';
  if (!['http', 'https'].includes(protocol) || !['up', 'draining', 'out'].includes(status)) return 'words';
  if (!(weight > 0 && weight <= 1_000) || !Number.isSafeInteger(generation)) return 'numbers';
  if (Object.getPrototypeOf(attributes) !== null) return 'prototype of attributes';
  const entries = Object.entries(attributes);
  if (
    entries.length > 64 ||
    !entries.flat().every((text) => typeof text === 'string' && text.length <= 512 && printable(text))
  )
    return 'attributes';
  return undefined;
}

test('F100, F101, F104: of 10,000 records that somebody tampered with none throws, none changes what others inherit, and none that is taken breaks a rule', () => {
  const before = inherited();
  let taken = 0;
  let refused = 0;
  fc.assert(
    fc.property(changes, (list) => {
      const text = list.reduce(changed, good);
      const parsed = parseRecord(text, { id: 'players-1', service: 'players' });
      if ('refused' in parsed) refused++;
      else {
        taken++;
        expect([faultOf(parsed.instance), text]).toEqual([undefined, text]);
        expect(Buffer.byteLength(text)).toBeLessThanOrEqual(4_096);
      }
    }),
    { numRuns: 10_000 },
  );
  expect(inherited()).toBe(before);
  expect('polluted' in {}).toBe(false);
  // Both ways were gone often enough to mean something.
  expect(Math.min(taken, refused)).toBeGreaterThan(500);
});

test('F100: text that is no UTF-8 is refused when it comes to matter', () => {
  const bytes = Buffer.from(good.replace('players-1', 'players-x'), 'utf8');
  bytes[bytes.indexOf('players-x') + 8] = 0xff;
  const text = bytes.toString('utf8');
  expect(parseRecord(text, { id: 'players-\ufffd', service: 'players' })).toEqual({ refused: 'id' });
});

interface Said {
  readonly kind: 'joined' | 'snapshot' | 'left' | 'lapsed' | 'failed' | 'lost' | 'wait';
  readonly id: string;
  readonly generation: number;
}

test('F103: whatever is replayed in whatever order, no older generation of an id replaces a newer one, nor comes back after it', async () => {
  const said = fc.record<Said>({
    kind: fc.constantFrom('joined', 'joined', 'snapshot', 'left', 'lapsed', 'failed', 'lost', 'wait'),
    id: fc.constantFrom('a', 'b', 'c'),
    generation: fc.integer({ min: 1, max: 5 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(said, { maxLength: 40 }), async (history) => {
      const clock = new ManualClock();
      const followed = new FollowedService('players', createScope(clock));
      const newest = new Map<string, number>();
      const leftAt = new Map<string, number>();
      let revision = 0;
      for (const { kind, id, generation } of history) {
        const at = { epoch: 'e', revision: ++revision };
        const instance = instanceOf({ id, generation, port: 8_000 + generation });
        if (kind === 'joined') followed.apply({ kind, instance, at });
        else if (kind === 'snapshot') followed.apply({ kind, at, instances: [instance] });
        else if (kind === 'left' || kind === 'lapsed') followed.apply({ kind, id, generation, at });
        else if (kind === 'failed') followed.apply({ kind, id });
        else if (kind === 'lost') followed.apply({ kind, reason: 'away' });
        else await clock.advance(60_000);
        if (kind === 'left') leftAt.set(id, Math.max(generation, leftAt.get(id) ?? 0));
        for (const { id: known, generation: shown, port } of followed.view.instances) {
          expect(port).toBe(8_000 + shown);
          expect(shown).toBeGreaterThanOrEqual(newest.get(known) ?? 0);
          expect(shown).toBeGreaterThan(leftAt.get(known) ?? 0);
          newest.set(known, shown);
        }
      }
      followed.close();
      expect(clock.pending).toBe(0);
    }),
    { numRuns: 500 },
  );
});
