import { expect, test } from 'vitest';
import { StaleAnswers } from '../../src/filters/stale-answers.ts';

const made = (bytes: number) => ({ status: 200, headers: {}, body: new Uint8Array(bytes) });

test('at most a thousand answers are kept, those kept last', () => {
  const answers = new StaleAnswers(1_000);
  for (let i = 0; i < 1_500; i++) answers.keep(`/${i}`, made(1), 0);
  expect(answers.get('/499', 0)).toBeUndefined();
  expect(answers.get('/500', 0)).toBeDefined();
  expect(answers.get('/1499', 0)).toBeDefined();
});

test('all of them together take at most 16 MiB', () => {
  const answers = new StaleAnswers(1_000);
  for (let i = 0; i < 100; i++) answers.keep(`/${i}`, made(1_000_000), 0);
  const left = Array.from({ length: 100 }, (_, i) => answers.get(`/${i}`, 0)).filter((one) => one !== undefined);
  expect(left).toHaveLength(16);
});

test('one that is kept again counts once', () => {
  const answers = new StaleAnswers(1_000);
  answers.keep('/other', made(1), 0);
  for (let i = 0; i < 100; i++) answers.keep('/same', made(1_000_000), 0);
  expect(answers.get('/other', 0)).toBeDefined();
});

test('an answer that was old when it came is as much older', () => {
  const answers = new StaleAnswers(10_000);
  answers.keep('/', { ...made(1), headers: { age: '7' } }, 0);
  expect(answers.get('/', 3_000)?.headers).toEqual({ age: '10' });
});
