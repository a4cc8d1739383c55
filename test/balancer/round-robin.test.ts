import { expect, test } from 'vitest';
import { roundRobin } from '../../src/balancer/pickers/round-robin.ts';
import { endpoints, setup } from './node-setup.ts';

test('many processes begin anywhere, also those that had to wait for their first instances', () => {
  const first = Array.from({ length: 100 }, (_, seed) => {
    const { pick, update, set } = setup({ make: roundRobin, of: [], seed });
    pick();
    update(endpoints(10));
    const node = pick();
    return node === undefined ? -1 : set.nodes.indexOf(node);
  });
  expect(new Set(first).size).toBe(10);
});
