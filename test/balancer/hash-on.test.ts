import { expect, test } from 'vitest';
import { type HashOn, resolveHashOn } from '../../src/balancer/hash-on.ts';
import { hashOf } from '../../src/core/hash.ts';

const hashed = (on: HashOn, headers: Readonly<Record<string, string>> = {}) =>
  resolveHashOn('hashOn', on).hashOf({
    service: 'players',
    operation: 'GET',
    header: (name) => headers[name],
  });

test('the key is a header, however its name is written', () => {
  expect(hashed({ header: 'X-User' }, { 'x-user': '7' })).toBe(hashOf('7'));
  expect(hashed({ header: 'x-user' })).toBe(undefined);
  expect(hashed({ header: 'x-user' }, { 'x-user': '' })).toBe(undefined);
});

test('the key is one cookie of several', () => {
  const cookie = 'other=1; session=a=b ; sessions=2';
  expect(hashed({ cookie: 'session' }, { cookie })).toBe(hashOf('a=b'));
  expect(hashed({ cookie: 'none' }, { cookie })).toBe(undefined);
  expect(hashed({ cookie: 'session' })).toBe(undefined);
});

test('the key is what a function makes of the call, and anything but a string is none', () => {
  expect(hashed(({ service, operation }) => `${service} ${operation}`)).toBe(hashOf('players GET'));
  expect(hashed(() => undefined)).toBe(undefined);
  const wrong = (() => 7) as unknown as () => string; // which the compiler would not take
  expect(hashed(wrong)).toBe(undefined);
});
