import { expect, test } from 'vitest';
import * as check from '../../src/core/check.ts';
import { ConfigError } from '../../src/core/errors.ts';

/** What `run` refuses with; fails the test when it refuses nothing. */
function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).message; // checked above
  }
  throw new Error('nothing was refused');
}

test('an integer is whole, safe and within its bounds', () => {
  const retries = (value: unknown) => check.integer('retry.attempts', value, { min: 1, max: 10 });
  expect(retries(1)).toBe(1);
  expect(retries(10)).toBe(10);
  for (const [value, shown] of [
    [0, '0'],
    [11, '11'],
    [1.5, '1.5'],
    [Number.NaN, 'NaN'],
    [Number.POSITIVE_INFINITY, 'Infinity'],
    ['3', "'3'"],
    [undefined, 'undefined'],
    [null, 'null'],
    [3n, '3'],
    [[3], 'an array'],
    [{}, 'an object'],
    [() => 3, 'a function'],
    [true, 'true'],
    [Symbol('three'), 'Symbol(three)'],
  ] as const) {
    expect(refusal(() => retries(value))).toBe(`retry.attempts must be an integer from 1 to 10, not ${shown}`);
  }
  expect(refusal(() => check.integer('n', 2 ** 53))).toBe('n must be an integer, not 9007199254740992');
});

test('a bound is named as it is: at least, at most, from to', () => {
  expect(refusal(() => check.integer('n', -1, { min: 0 }))).toBe('n must be an integer of at least 0, not -1');
  expect(refusal(() => check.integer('n', 6, { max: 5 }))).toBe('n must be an integer of at most 5, not 6');
  expect(refusal(() => check.finite('n', Number.NaN))).toBe('n must be a number, not NaN');
});

test('a duration is a finite number of at least one millisecond, unless its range says otherwise', () => {
  expect(check.durationMs('deadlineMs', 2.5)).toBe(2.5);
  expect(check.durationMs('restMs', 0, { min: 0 })).toBe(0);
  expect(refusal(() => check.durationMs('deadlineMs', 0))).toBe(
    'deadlineMs must be a number of milliseconds of at least 1, not 0',
  );
  expect(refusal(() => check.durationMs('deadlineMs', Number.POSITIVE_INFINITY))).toContain('not Infinity');
  expect(refusal(() => check.durationMs('deadlineMs', '10s'))).toContain("not '10s'");
  expect(refusal(() => check.durationMs('restMs', 6, { max: 5 }))).toContain('of at most 5');
});

test('a ratio is a finite number within its bounds', () => {
  const ratio = (value: unknown) => check.finite('budgetRatio', value, { min: 0, max: 1 });
  expect(ratio(0)).toBe(0);
  expect(ratio(0.2)).toBe(0.2);
  expect(refusal(() => ratio(1.01))).toBe('budgetRatio must be a number from 0 to 1, not 1.01');
  expect(refusal(() => ratio('0.5'))).toContain("not '0.5'");
});

test('a string is not empty', () => {
  expect(check.string('zone', 'eu-1a')).toBe('eu-1a');
  expect(refusal(() => check.string('zone', ''))).toBe("zone must be a string that is not empty, not ''");
  expect(refusal(() => check.string('zone', 7))).toContain('not 7');
});

test('true and false are the only booleans', () => {
  expect(check.boolean('drain', false)).toBe(false);
  expect(check.boolean('drain', true)).toBe(true);
  for (const value of [0, 1, 'true', null, undefined])
    expect(refusal(() => check.boolean('drain', value))).toContain('drain must be true or false, not ');
});

test('a choice is one of those there are, and the message lists them', () => {
  const protocol = (value: unknown) => check.oneOf('protocol', value, ['http', 'https']);
  expect(protocol('https')).toBe('https');
  expect(refusal(() => protocol('ftp'))).toBe("protocol must be one of http, https, not 'ftp'");
  expect(refusal(() => protocol(undefined))).toContain('not undefined');
  expect(refusal(() => protocol('toString'))).toContain('one of http, https');
});

test('a function is something callable', () => {
  const own = () => 1;
  expect(check.callable('isService', own)).toBe(own);
  expect(refusal(() => check.callable('isService', undefined))).toBe('isService must be a function, not undefined');
});

test('methods are functions, of its own or inherited', () => {
  class Own {
    close() {}
  }
  expect(check.hasMethods(new Own(), ['close', 'toString'])).toBe(true);
  expect(check.hasMethods({ close: 7 }, ['close'])).toBe(false);
  for (const value of [null, undefined, 'text', () => {}]) expect(check.hasMethods(value, ['toString'])).toBe(false);
});

test('an option that nobody knows is refused, and the message says which ones are known', () => {
  expect(() => check.options('retry', { attempts: 1 }, ['attempts', 'baseDelayMs'])).not.toThrow();
  expect(() => check.options('retry', {}, [])).not.toThrow();
  expect(refusal(() => check.options('retry', { attempt: 1 }, ['attempts', 'baseDelayMs']))).toBe(
    "retry has no option 'attempt'; it knows attempts, baseDelayMs",
  );
  expect(() => check.options('names', { players: 'x' })).not.toThrow();
  expect(refusal(() => check.options('names', null))).toBe('names must be an object, not null');
  expect(refusal(() => check.options('retry', null, []))).toBe('retry must be an object, not null');
  expect(refusal(() => check.options('retry', [], []))).toBe('retry must be an object, not an array');
  expect(refusal(() => check.options('retry', 'none', []))).toBe("retry must be an object, not 'none'");
});

test('a service name is safe in a host, a key, a file name and a metric', () => {
  const longest = 'a'.repeat(63);
  for (const name of ['a', '7', 'players', 'team-players', 'v1.players', 'team_a', longest]) {
    expect(check.isServiceName(name)).toBe(true);
    expect(check.serviceName('service', name)).toBe(name);
  }
  const unsafe = [
    '',
    'Players',
    '-a',
    'a-',
    '.a',
    'a.',
    'a..b',
    '../etc',
    'a/b',
    'a b',
    'a:b',
    'a\n',
    'ä',
    'a{b}',
    `${longest}a`,
  ];
  for (const name of [...unsafe, undefined, null, 7, ['a']]) expect(check.isServiceName(name)).toBe(false);
  expect(refusal(() => check.serviceName('self.service', 'Players'))).toBe(
    'self.service must be a service name (1 to 63 of a-z, 0-9, ".", "_", "-"; a letter or digit at both ends), not \'Players\'',
  );
});

test('a long value is cut short in the message', () => {
  const message = refusal(() => check.serviceName('service', 'X'.repeat(10_000)));
  expect(message.endsWith(`not '${'X'.repeat(80)}…'`)).toBe(true);
});
