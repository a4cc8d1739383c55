import { expect, test } from 'vitest';
import { type Ambient, ambient, runAmbient } from '../../src/core/ambient.ts';

const inbound = (deadline: number): Ambient => ({ trace: undefined, baggage: '', deadline, retried: false });

test('outside of an inbound request there is nothing', () => {
  expect(ambient()).toBeUndefined();
});

test('what an inbound request sets is seen by all it starts, later too, and by nobody else', async () => {
  const first = inbound(100);
  const second = inbound(200);
  const later = async () => {
    await new Promise((resolve) => setImmediate(resolve));
    return ambient();
  };
  const seen = await Promise.all([runAmbient(first, later), runAmbient(second, later), later()]);
  expect(seen[0]).toBe(first);
  expect(seen[1]).toBe(second);
  expect(seen[2]).toBeUndefined();
});

test('the innermost request counts, and its end brings back the outer one', () => {
  const outer = inbound(100);
  const inner = inbound(50);
  runAmbient(outer, () => {
    expect(runAmbient(inner, ambient)).toBe(inner);
    expect(ambient()).toBe(outer);
  });
  expect(ambient()).toBeUndefined();
});

test('what the request runs gives its result, or its error', () => {
  expect(runAmbient(inbound(1), () => 42)).toBe(42);
  const error = new Error('from inside');
  expect(() =>
    runAmbient(inbound(1), () => {
      throw error;
    }),
  ).toThrow(error);
  expect(ambient()).toBeUndefined();
});
