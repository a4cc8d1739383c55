import { expect, test } from 'vitest';
import { abreast } from '../../src/discovery/abreast.ts';

test('work is done a few at a time, and its results keep the order', async () => {
  let running = 0;
  let most = 0;
  const results = await abreast([5, 4, 3, 2, 1], 2, async (turns) => {
    most = Math.max(most, ++running);
    for (let i = 0; i < turns; i++) await Promise.resolve();
    running--;
    return turns * 10;
  });
  expect(results).toEqual([50, 40, 30, 20, 10]);
  expect(most).toBe(2);
  expect(await abreast([], 2, async () => 1)).toEqual([]);
});

test('the first failure ends it, and nothing is begun after it', async () => {
  const begun: number[] = [];
  const work = async (item: number) => {
    begun.push(item);
    await Promise.resolve();
    if (item <= 2) throw new Error(`no ${item}`);
  };
  await expect(abreast([1, 2, 3, 4, 5], 2, work)).rejects.toThrow('no 1');
  await Promise.resolve();
  expect(begun).toEqual([1, 2]);
});
