import { describe, expect, test } from 'vitest';
import { compileQuery, type Query } from '../../src/discovery/query.ts';
import { parseVersionRange } from '../../src/discovery/version-range.ts';

const matches = (query: Query, attributes: Record<string, string>) =>
  compileQuery('where', query).matches({ attributes });

describe('a query', () => {
  test('without conditions matches everything', () => {
    expect(matches({}, {})).toBe(true);
    expect(compileQuery('where').toString()).toBe('');
  });

  test('asks every attribute to have the value, or one of the values', () => {
    const query: Query = { environment: 'production', zone: ['a', 'b'], region: undefined };
    expect(matches(query, { environment: 'production', zone: 'b', team: 'x' })).toBe(true);
    expect(matches(query, { environment: 'production', zone: 'c' })).toBe(false);
    expect(matches(query, { environment: 'staging', zone: 'a' })).toBe(false);
    expect(matches(query, { environment: 'production' })).toBe(false);
    expect(compileQuery('where', query).toString()).toBe('environment=production, zone=a|b');
  });

  test('F104: does not find what an object inherits', () => {
    expect(matches({ constructor: 'x' }, {})).toBe(false);
    expect(matches(JSON.parse('{"__proto__":"x"}'), {})).toBe(false);
  });

  test('takes a version as it is written, or a range, or one of several', () => {
    expect(matches({ version: 'build-77' }, { version: 'build-77' })).toBe(true);
    expect(matches({ version: '^1.2' }, { version: '1.9.0' })).toBe(true);
    expect(matches({ version: '1.4' }, { version: '1.4.7' })).toBe(true);
    expect(matches({ version: ['^1.2', '3.0.0'] }, { version: '3.0.0' })).toBe(true);
    expect(matches({ version: '^1.2' }, { version: '2.0.0' })).toBe(false);
    expect(matches({ version: '^1.2' }, { version: 'build-77' })).toBe(false);
  });

  test('that is wrong names the option, the bound and the value', () => {
    const wrong = (query: unknown) => () => compileQuery('where', query as Query); // as a caller without types would
    expect(wrong([])).toThrow('where must be an object, not an array');
    expect(wrong({ zone: 7 })).toThrow(
      'where.zone must be a string that is not empty, or a list of at least one, not 7',
    );
    expect(wrong({ zone: [] })).toThrow('where.zone must be');
    expect(wrong({ zone: ['a', ''] })).toThrow('where.zone must be');
    expect(wrong({ version: '^x.y' })).toThrow('where.version must be a version, or a range such as ^1.2');
  });
});

describe('a version range', () => {
  const cases: readonly [range: string, inside: string, outside: string][] = [
    ['1.2.3', '1.2.3 v1.2.3 1.2.3+build', '1.2.4 1.2.3-rc.1'],
    ['=1.2.3', '1.2.3', '1.2.2'],
    ['1.2', '1.2.0 1.2.99', '1.3.0 1.1.9'],
    ['1', '1.0.0 1.99.0', '2.0.0 0.9.9'],
    ['1.x', '1.0.0 1.99.0', '2.0.0'],
    ['1.2.*', '1.2.7', '1.3.0'],
    ['*', '0.0.1 99.0.0', '1.0.0-rc.1 nonsense'],
    ['^1.2.3', '1.2.3 1.9.0', '1.2.2 2.0.0 2.0.0-rc.1'],
    ['^0.2.3', '0.2.3 0.2.9', '0.3.0 0.2.2'],
    ['^0.0.3', '0.0.3', '0.0.4'],
    ['^0.0', '0.0.9', '0.1.0'],
    ['^0', '0.9.0', '1.0.0'],
    ['~1.2.3', '1.2.3 1.2.9', '1.3.0'],
    ['~1.2', '1.2.0 1.2.9', '1.3.0'],
    ['~1', '1.9.0', '2.0.0'],
    ['>1.2', '1.3.0 2.0.0', '1.2.9'],
    ['>1.2.3', '1.2.4', '1.2.3'],
    ['>=1.2 <3', '1.2.0 2.9.9', '3.0.0 1.1.9 3.0.0-rc.1'],
    ['>= 1.2.0 < 1.3.0', '1.2.5', '1.3.0'],
    ['<=1.2', '1.2.9 0.1.0', '1.3.0'],
    ['<=1.2.3', '1.2.3', '1.2.4'],
    ['1.x || >=3.1', '1.5.0 3.1.0 9.0.0', '2.0.0 3.0.9'],
    ['>=1.2.3-rc.2', '1.2.3-rc.2 1.2.3-rc.10 1.2.3 2.0.0', '1.2.3-rc.1 1.2.3-alpha 1.2.4-rc.9'],
    ['^1.2.3-beta', '1.2.3-beta 1.2.3-rc 1.3.0', '1.2.3-alpha'],
    ['>1.0.0-a.b', '1.0.0-a.b.c 1.0.0-a.c 1.0.0', '1.0.0-a.1 1.0.0-a.b'],
  ];
  test.each(cases)('%s', (text, inside, outside) => {
    const range = parseVersionRange(text);
    for (const version of inside.split(' ')) expect(range?.(version), `${version} in ${text}`).toBe(true);
    for (const version of outside.split(' ')) expect(range?.(version), `${version} not in ${text}`).toBe(false);
  });

  test.each(['', 'abc', '1.2.3.4', '>>1', '1.2 - 1.4', '^', '1-rc.1', '1 || '])('%j is none', (text) => {
    expect(parseVersionRange(text)).toBe(undefined);
  });
});
