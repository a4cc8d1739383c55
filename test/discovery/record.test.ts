import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ownAddresses } from '../../src/discovery/address.ts';
import { parseRecord, type Refusal, serialiseRecord } from '../../src/discovery/record.ts';
import { instanceOf } from './setup.ts';

const parse = (fields: object) => parseRecord(JSON.stringify({ ...instanceOf(), ...fields }));

describe('a record', () => {
  test('is read as it was written', () => {
    const instance = instanceOf({
      host: '2001:db8::1',
      protocol: 'https',
      attributes: { environment: 'production', empty: '' },
      weight: 0.5,
      status: 'draining',
      generation: -3,
    });
    const parsed = parseRecord(serialiseRecord(instance), { id: 'players-1', service: 'players' });
    expect('instance' in parsed && { ...parsed.instance, attributes: { ...parsed.instance.attributes } }).toEqual(
      instance,
    );
  });

  test('without a field it must have is refused, and what it need not have is left out', () => {
    for (const field of Object.keys(instanceOf())) expect(parse({ [field]: undefined })).toEqual({ refused: field });
    expect(parse({ admin: true, toString: 1 })).not.toHaveProperty('instance.admin');
  });

  const deep = `${'['.repeat(2_000)}${']'.repeat(2_000)}`;
  const texts: readonly [text: string, refused: Refusal][] = [
    ['', 'json'],
    ['not JSON', 'json'],
    ['{"id":"a"', 'json'],
    [`\ufeff${serialiseRecord(instanceOf())}`, 'json'],
    ['{"weight":NaN}', 'json'],
    ['null', 'record'],
    ['[]', 'record'],
    ['7', 'record'],
    [deep, 'record'],
    [`{"attributes":${deep}}`, 'id'],
    ['x'.repeat(1_000_000), 'size'],
    ['é'.repeat(2_049), 'size'],
  ];
  test.each(texts)('F100: %.40s is refused', (text, refused) => {
    expect(parseRecord(text)).toEqual({ refused });
  });

  test('F100: of 4,096 bytes is read, and of one more is not', () => {
    const attributes = Object.fromEntries(Array.from({ length: 7 }, (_, i) => [`a${i}`, 'x'.repeat(512)]));
    const bytes = Buffer.byteLength(JSON.stringify(instanceOf({ attributes: { ...attributes, rest: '' } })));
    const rest = (length: number) => parse({ attributes: { ...attributes, rest: 'x'.repeat(length) } });
    expect(rest(4_096 - bytes)).toHaveProperty('instance');
    expect(rest(4_097 - bytes)).toEqual({ refused: 'size' });
  });

  const fields: readonly [fields: object, refused: Refusal | undefined][] = [
    [{ port: 0 }, 'port'],
    [{ port: 65_536 }, 'port'],
    [{ port: '80' }, 'port'],
    [{ port: 80.5 }, 'port'],
    [{ port: null }, 'port'],
    [{ port: 65_535 }, undefined],
    [{ weight: 0 }, 'weight'],
    [{ weight: -1 }, 'weight'],
    [{ weight: 1e308 }, 'weight'],
    [{ weight: '1' }, 'weight'],
    [{ weight: 1_000 }, undefined],
    [{ id: '' }, 'id'],
    [{ id: 7 }, 'id'],
    [{ id: 'a\nb' }, 'id'],
    [{ id: 'x'.repeat(201) }, 'id'],
    [{ id: '\ud800' }, 'id'],
    [{ id: 'a\ufffd' }, 'id'],
    [{ id: 'a\u202eb' }, 'id'],
    [{ id: '\ufeffa' }, 'id'],
    [{ service: 'Players' }, 'service'],
    [{ service: '__proto__' }, 'service'],
    [{ service: 'tostring' }, undefined],
    [{ protocol: 'ftp' }, 'protocol'],
    [{ status: 'UP' }, 'status'],
    [{ status: 'constructor' }, 'status'],
    [{ generation: 2 ** 53 }, 'generation'],
    [{ generation: 1.5 }, 'generation'],
    [{ attributes: null }, 'attributes'],
    [{ attributes: [] }, 'attributes'],
    [{ attributes: { a: 1 } }, 'attributes'],
    [{ attributes: { a: { b: 'c' } } }, 'attributes'],
    [{ attributes: { a: 'x\r\ny: z' } }, 'attributes'],
    [{ attributes: { 'a\u2028': 'x' } }, 'attributes'],
    [{ attributes: { a: 'x'.repeat(513) } }, 'attributes'],
    [{ attributes: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`a${i}`, 'x'])) }, 'attributes'],
    [{ attributes: Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`a${i}`, 'x'])) }, undefined],
  ];
  test.each(fields)('F100: with %j', (changed, refused) => {
    const parsed = parse(changed);
    expect('refused' in parsed ? parsed.refused : undefined).toBe(refused);
  });

  const hosts = [
    '10.0.0.1',
    '127.0.0.1',
    '::1',
    '2001:db8::1',
    '::ffff:10.0.0.1',
    '2001:0DB8:0::0001',
    '0:0:0:0:0:0:0:1',
    '64:ff9b::a00:1',
    '2002:a00:1::1',
  ];
  test.each(hosts)('the host %j is taken', (host) => {
    expect(parse({ host })).toHaveProperty('instance.host', host);
  });

  test.each(['localhost', 'players', 'a-b_c.internal.1a'])(
    'F101: the host name %s is refused, unless names are allowed',
    (host) => {
      expect(parse({ host })).toEqual({ refused: 'host' });
      const text = JSON.stringify(instanceOf({ host }));
      expect(parseRecord(text, { addresses: ownAddresses })).toHaveProperty('instance.host', host);
    },
  );

  test('F102: cannot speak for another id or service', () => {
    const text = serialiseRecord(instanceOf());
    expect(parseRecord(text, { id: 'players-2' })).toEqual({ refused: 'id' });
    expect(parseRecord(text, { service: 'payments' })).toEqual({ refused: 'service' });
  });

  test('F104: names like __proto__ are names like any other, and change nothing', () => {
    const attributes = '{"__proto__":"polluted","constructor":"x","toString":"y"}';
    const text = `{"__proto__":{"admin":true},${serialiseRecord(instanceOf()).slice(1).replace('"attributes":{}', `"attributes":${attributes}`)}`;
    const parsed = parseRecord(text);
    expect('instance' in parsed && Object.entries(parsed.instance.attributes)).toEqual([
      ['__proto__', 'polluted'],
      ['constructor', 'x'],
      ['toString', 'y'],
    ]);
    expect('instance' in parsed && Object.getPrototypeOf(parsed.instance.attributes)).toBe(null);
    expect(parsed).not.toHaveProperty('instance.admin');
    expect({}).not.toHaveProperty('polluted');
    expect(Object.prototype.toString.call({})).toBe('[object Object]');
  });

  test('F100: whatever the text is, reading it never throws, and what is taken can be written again', () => {
    const anything = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc
        .record(
          Object.fromEntries(
            Object.entries(instanceOf()).map(([name, value]) => [name, fc.oneof(fc.constant(value), fc.jsonValue())]),
          ),
        )
        .map((value) => JSON.stringify(value)),
    );
    fc.assert(
      fc.property(anything, (text) => {
        const parsed = parseRecord(text);
        if ('instance' in parsed) expect(parseRecord(serialiseRecord(parsed.instance))).toEqual(parsed);
      }),
      { numRuns: 3_000 },
    );
  });

  test('of an instance that readers would refuse is not written', () => {
    expect(() => serialiseRecord(instanceOf({ host: '::' }))).toThrow(
      "the instance 'players-1' of 'players' cannot be announced: its host must be an IP address that others can call, or a host name, and allowed by the option addresses",
    );
  });
});
