import { channel } from 'node:diagnostics_channel';
import { expect, test } from 'vitest';
import { Events, type MeshEvents } from '../../src/core/events.ts';

const opened: MeshEvents['breaker'] = {
  service: 'players',
  state: 'open',
  cause: 'failures',
  reason: '21 of 40 failed',
  trips: 1,
};

test('a listener gets the events of its name, in order, until it stops', () => {
  const events = new Events();
  const seen: MeshEvents['breaker'][] = [];
  const stop = events.on('breaker', (event) => seen.push(event));
  events.emit('breaker', opened);
  events.emit('registry', { registry: 'redis', state: 'lost', reason: 'down', permanent: false });
  events.emit('breaker', { ...opened, trips: 2 });
  stop();
  stop();
  events.emit('breaker', { ...opened, trips: 3 });
  expect(seen).toEqual([opened, { ...opened, trips: 2 }]);
});

test('an event that nobody listens to is no trouble', () => {
  expect(() => new Events().emit('breaker', opened)).not.toThrow();
});

test('a listener that throws keeps nobody from hearing, and is itself reported', () => {
  const events = new Events();
  const seen: string[] = [];
  const faults: MeshEvents['fault'][] = [];
  const error = new Error('a bug in a listener');
  events.on('fault', (fault) => faults.push(fault));
  events.on('breaker', () => seen.push('before'));
  events.on('breaker', () => {
    throw error;
  });
  events.on('breaker', () => seen.push('after'));
  events.emit('breaker', opened);
  expect(seen).toEqual(['before', 'after']);
  expect(faults).toEqual([{ source: "listener of 'breaker'", error }]);
});

test('a listener that fails later, as an async one does, is reported and not an unhandled rejection', async () => {
  const events = new Events();
  const faults: MeshEvents['fault'][] = [];
  const error = new Error('the pager is down');
  events.on('fault', (fault) => faults.push(fault));
  const alert = () => Promise.reject(error);
  events.on('breaker', alert);
  events.emit('breaker', opened);
  await new Promise((resolve) => setImmediate(resolve));
  expect(faults).toEqual([{ source: "listener of 'breaker'", error }]);
});

test('a listener of faults that fails, now or later, is not asked again', async () => {
  const events = new Events();
  let asked = 0;
  events.on('fault', () => {
    asked++;
    throw new Error('again');
  });
  events.on('fault', () => {
    asked++;
    return Promise.reject(new Error('again'));
  });
  events.emit('fault', { source: 'test', error: new Error('first') });
  await new Promise((resolve) => setImmediate(resolve));
  expect(asked).toBe(2);
});

test('a listener may stop itself or another while an event is told', () => {
  const events = new Events();
  const seen: string[] = [];
  const stop = events.on('breaker', () => {
    seen.push('once');
    stop();
    stopOther();
  });
  const stopOther = events.on('breaker', () => seen.push('other'));
  events.on('breaker', () => seen.push('last'));
  events.emit('breaker', opened);
  events.emit('breaker', opened);
  expect(seen).toEqual(['once', 'last', 'last']);
});

test('a listener that is added while an event is told hears from the next one on', () => {
  const events = new Events();
  let heard = 0;
  const again = () => {
    heard++;
    if (heard < 100) events.on('breaker', () => again());
  };
  events.on('breaker', again);
  events.emit('breaker', opened);
  expect(heard).toBe(1);
});

test('every event is mirrored to diagnostics_channel under its name', () => {
  const events = new Events();
  const mirrored: unknown[] = [];
  const subscriber = (message: unknown, name: string | symbol) => mirrored.push([name, message]);
  channel('heddle:breaker').subscribe(subscriber);
  events.emit('breaker', opened);
  events.emit('fault', { source: 'test', error: undefined });
  channel('heddle:breaker').unsubscribe(subscriber);
  events.emit('breaker', opened);
  expect(mirrored).toEqual([['heddle:breaker', opened]]);
});
