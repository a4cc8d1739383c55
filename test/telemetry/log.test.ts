import { expect, test } from 'vitest';
import { Events } from '../../src/core/events.ts';
import type { Logger } from '../../src/core/logger.ts';
import { logEvents, resolveLogger } from '../../src/telemetry/log.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';

interface Line {
  readonly level: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

function setup() {
  const lines: Line[] = [];
  const keep = (level: string) => (fields: object, message: string) =>
    void lines.push({ level, fields: { ...fields }, message });
  const logger: Logger = { debug: keep('debug'), info: keep('info'), warn: keep('warn'), error: keep('error') };
  const events = new Events();
  const clock = new ManualClock();
  const stop = logEvents(events, logger, clock);
  const said = () => lines.splice(0).map(({ level, message }) => `${level}: ${message}`);
  return { events, clock, lines, stop, said };
}

test('each change of state and each failure is logged at its level', () => {
  const { events, said } = setup();
  const service = 'players';
  events.emit('breaker', { service, state: 'open', cause: 'failures', reason: 'r', trips: 1 });
  events.emit('breaker', { service, state: 'closed', cause: 'failures', reason: 'r', trips: 1 });
  events.emit('endpoint', { service, endpoint: 'e', health: 'down', reason: 'r' });
  events.emit('endpoint', { service, endpoint: 'e', health: 'busy', reason: 'r' });
  events.emit('endpoint', { service, endpoint: 'e', health: 'up', reason: 'r' });
  events.emit('registry', { registry: 'redis', state: 'lost', reason: 'r', permanent: false });
  events.emit('registry', { registry: 'redis', state: 'connected', reason: 'r', permanent: false });
  events.emit('rejected', { source: 'redis', id: 'x', reason: 'r' });
  events.emit('announcement', { service, id: 'x', state: 'fenced', reason: 'r' });
  events.emit('announcement', { service, id: 'x', state: 'retrying', reason: 'r' });
  events.emit('announcement', { service, id: 'x', state: 'announced', reason: 'r' });
  events.emit('announcement', { service, id: 'x', state: 'left', reason: 'r' });
  events.emit('view', { service, known: 3, joined: ['a', 'b'], left: [] });
  events.emit('doubt', { service, known: 3, suspects: 2 });
  events.emit('unread', { service, endpoint: 'e', client: 'fetch', from: undefined });
  events.emit('spill', { service, state: 'begun', reason: 'r' });
  events.emit('spill', { service, state: 'ended', reason: 'r' });
  events.emit('fault', { source: 'filter', error: new Error('broken') });
  expect(said()).toEqual([
    'warn: breaker open',
    'info: breaker closed',
    'warn: endpoint down',
    'debug: endpoint busy',
    'info: endpoint up',
    'warn: registry lost',
    'info: registry connected',
    'warn: record rejected',
    'error: announcement fenced',
    'warn: announcement retrying',
    'info: announcement announced',
    'info: announcement left',
    'info: instances changed',
    'warn: instances in doubt',
    'warn: body not read',
    'warn: spill begun',
    'info: spill ended',
    'error: fault in code given to the mesh',
  ]);
});

test('a change of instances is logged as counts, not as lists', () => {
  const { events, lines } = setup();
  events.emit('view', { service: 'players', known: 3, joined: ['a', 'b'], left: ['c'] });
  expect(lines[0]?.fields).toEqual({ event: 'view', service: 'players', known: 3, joined: 2, left: 1 });
});

test('a minute of an outage is one line a second, and the lines left out are counted (F96)', async () => {
  const { events, clock, lines } = setup();
  for (let ms = 0; ms < 60_000; ms += 10) {
    events.emit('registry', { registry: 'redis', state: 'lost', reason: 'ECONNREFUSED', permanent: false });
    await clock.advance(10);
  }
  expect(lines.length).toBe(60);
  expect(lines[0]?.fields['suppressed']).toBe(undefined);
  expect(lines[1]?.fields['suppressed']).toBe(99);
  const told = lines.reduce((sum, line) => sum + 1 + Number(line.fields['suppressed'] ?? 0), 0);
  expect(told).toBe(6_000 - 99); // those after the last line are told by the next
});

test('a return to normal is not held back by the lines before it', () => {
  const { events, said } = setup();
  const event = { service: 'players', cause: 'failures', reason: 'r', trips: 1 } as const;
  for (let i = 0; i < 5; i++) events.emit('breaker', { ...event, state: 'open' });
  events.emit('breaker', { ...event, state: 'closed' });
  expect(said()).toEqual(['warn: breaker open', 'info: breaker closed']);
});

test('however many endpoints there are, the lines of one second end somewhere, and what is quiet is forgotten', async () => {
  const { events, clock, lines } = setup();
  const fail = (from: number) => {
    for (let i = from; i < from + 5_000; i++)
      events.emit('endpoint', { service: 'players', endpoint: `e${i}`, health: 'down', reason: 'r' });
  };
  fail(0);
  expect(lines.splice(0).length).toBe(1_001);
  await clock.advance(1_000);
  fail(10_000);
  expect(lines.splice(0).length > 900).toBe(true);
});

test('what came from outside stands in fields and never in the message (F113)', () => {
  const { events, lines } = setup();
  const evil = 'x\n{"level":60}\u001b[31m';
  events.emit('rejected', { source: evil, id: evil, reason: evil });
  expect(lines[0]?.message).toBe('record rejected');
  expect(lines[0]?.fields['id']).toBe(evil);
});

test('credentials and queries of URLs are not logged, nor the fields of an error (F114)', () => {
  const { events, lines } = setup();
  const url = 'redis://admin:canary@10.0.0.1:6379/0';
  events.emit('registry', {
    registry: url,
    state: 'lost',
    reason: `cannot reach ${url}, see http://x/y?token=canary now`,
    permanent: false,
  });
  events.emit('rejected', { source: 's', id: `${'-'.repeat(990)}//u:canary-that-is-cut@host`, reason: '' });
  events.emit('fault', { source: 'filter', error: Object.assign(new Error(`at ${url}`), { password: 'canary' }) });
  events.emit('fault', { source: 'hook', error: { authorization: 'canary' } });
  expect(JSON.stringify(lines)).not.toMatch(/canary/);
  expect(lines[0]?.fields['reason']).toBe('cannot reach redis://…@10.0.0.1:6379/0, see http://x/y?… now');
  expect(String(lines[2]?.fields['error'])).toMatch(/^Error: at redis:\/\/…@10\.0\.0\.1:6379\/0\n {4}at /);
  expect(lines[3]?.fields['error']).toBe('a thrown object');
});

test('a text of a megabyte is cut', () => {
  const { events, lines } = setup();
  events.emit('rejected', { source: 's', id: '//'.repeat(500_000), reason: 'x'.repeat(1_000_000) });
  expect(JSON.stringify(lines).length < 3_000).toBe(true);
});

test('a logger that throws hurts nobody (F83)', () => {
  const events = new Events();
  const broken = () => {
    throw new Error('disk full');
  };
  const seen: string[] = [];
  logEvents(events, { debug: broken, info: broken, warn: broken, error: broken }, new ManualClock());
  events.on('rejected', ({ id }) => seen.push(id));
  events.emit('rejected', { source: 's', id: 'x', reason: 'r' });
  events.emit('fault', { source: 's', error: 1 });
  expect(seen).toEqual(['x']);
});

test('after it was stopped nothing is logged', () => {
  const { events, lines, stop } = setup();
  stop();
  events.emit('view', { service: 'players', known: 1, joined: [], left: [] });
  expect(lines).toEqual([]);
});

test('the logger is pino at level info, unless it is switched off', () => {
  const logger = resolveLogger('logger', undefined);
  expect(typeof logger.warn).toBe('function');
  expect('level' in logger && logger.level).toBe('info');
  resolveLogger('logger', false).error({}, 'nobody hears this');
});

test('a logger keeps its this, and what it throws is dropped (F83)', () => {
  class Book {
    readonly #lines: string[] = [];
    debug(_: object, message: string): void {
      this.#lines.push(message);
    }
    info(): void {
      throw new Error('full');
    }
    warn(): void {}
    error(): void {}
    get lines(): readonly string[] {
      return this.#lines;
    }
  }
  const book = new Book();
  const { debug, info } = resolveLogger('logger', book);
  debug({}, 'hello');
  info({}, 'lost');
  expect(book.lines).toEqual(['hello']);
});

test.each([
  ['true', true],
  ['null', null],
  ['console.log', () => undefined],
  ['an object', { warn() {} }],
])('a logger that is %s is refused with a message that says what it needs', (_, option) => {
  expect(() => resolveLogger('logger', option)).toThrow(
    /^logger must be false or an object with the methods debug, info, warn, error, not /,
  );
});
