import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sameEnds } from '../../src/core/same-ends.ts';

const ends = (a: string, b: string) => sameEnds([...a], [...b], (x, y) => x === y);

test('what is the same at both ends of two lists is counted once', () => {
  expect(ends('abcd', 'abxcd')).toEqual({ first: 2, last: 2 });
  expect(ends('abc', 'abc')).toEqual({ first: 3, last: 0 });
  expect(ends('aa', 'aaa')).toEqual({ first: 2, last: 0 });
  expect(ends('', 'abc')).toEqual({ first: 0, last: 0 });
});

test('a list is the other with what lies between the ends in place of its own', () => {
  const list = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 8 });
  fc.assert(
    fc.property(list, list, (a, b) => {
      const { first, last } = sameEnds(a, b, (x, y) => x === y);
      expect(a.toSpliced(first, a.length - first - last, ...b.slice(first, b.length - last))).toEqual(b);
    }),
  );
});
