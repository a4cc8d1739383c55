import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Gate } from '../../src/discovery/http/gate.ts';
import { HttpStatusError, isPermanent } from '../../src/discovery/http/http-error.ts';
import { LineSplitter } from '../../src/discovery/http/line-splitter.ts';
import { Pace } from '../../src/discovery/http/pace.ts';
import { Rounds } from '../../src/discovery/http/rounds.ts';
import { within } from '../../src/discovery/http/within.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { seededRandom } from '../../src/testing/seeded-random.ts';

test('lines are the same wherever the pieces end, be it within a character', () => {
  const line = fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) => text.replaceAll(/\s/g, ''));
  fc.assert(
    fc.property(fc.array(line, { maxLength: 8 }), fc.array(fc.nat(40), { maxLength: 30 }), (lines, sizes) => {
      const bytes = Buffer.from(lines.map((one) => `${one}\n`).join(''));
      const splitter = new LineSplitter(1_000);
      const seen: string[] = [];
      let from = 0;
      for (const size of [...sizes, bytes.length]) {
        seen.push(...splitter.push(bytes.subarray(from, from + size)));
        from += size;
      }
      expect(seen).toEqual(lines.filter((one) => one.trim() !== ''));
    }),
  );
});

test('a line that is too long is refused, in one piece or in many', () => {
  expect(new LineSplitter(4).push(Buffer.from('1234\n1234'))).toEqual(['1234']);
  expect(() => new LineSplitter(4).push(Buffer.from('12345\n'))).toThrow('it sent a line of more than 4 bytes');
  const splitter = new LineSplitter(4);
  splitter.push(Buffer.from('123'));
  expect(() => splitter.push(Buffer.from('45'))).toThrow('it sent a line of more than 4 bytes');
});

test('a pace lets a burst through and then one per interval, and forgives after a rest', () => {
  const pace = new Pace(100, 3);
  expect([0, 0, 0, 0, 0].map((now) => pace.waitMs(now))).toEqual([0, 0, 0, 100, 200]);
  expect(pace.waitMs(500)).toBe(0);
  expect([10_000, 10_000, 10_000, 10_000].map((now) => pace.waitMs(now))).toEqual([0, 0, 0, 100]);
});

test.each([
  ['lose a server together', new Error('gone')],
  ['are told together to come back in a second', new HttpStatusError(429, '', '1')],
])('F25: of a thousand processes that %s no more than 50 come back within 100 ms, now or later', async (_, error) => {
  const clock = new ManualClock(0);
  const random = seededRandom(7);
  const at: number[] = [];
  const all = Array.from({ length: 1_000 }, () => {
    const round = async () => {
      at.push(clock.now());
      throw error;
    };
    return new Rounds({ round, failed: () => {}, scope: { clock, random } });
  });
  await clock.advance(10_000);
  for (const rounds of all) rounds.close();
  const returns = new Map<number, number>();
  for (const moment of at.slice(1_000))
    returns.set(Math.floor(moment / 100), (returns.get(Math.floor(moment / 100)) ?? 0) + 1);
  expect(Math.max(...returns.values())).toBeLessThanOrEqual(50);
  expect(clock.pending).toBe(0);
});

test.each([
  [new HttpStatusError(403, ''), true],
  [new HttpStatusError(404, ''), true],
  [new HttpStatusError(410, ''), false],
  [new HttpStatusError(429, ''), false],
  [new HttpStatusError(503, ''), false],
  [new HttpStatusError(302, ''), false],
  [Object.assign(new Error('x'), { code: 'ECONNREFUSED' }), false],
  [Object.assign(new Error('x'), { code: 'ENOTFOUND' }), false],
  [Object.assign(new Error('x'), { code: 'CERT_HAS_EXPIRED' }), true],
  [Object.assign(new Error('x'), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' }), true],
  [Object.assign(new Error('x'), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' }), true],
  ['x', false],
])('F13: whether it takes a person: %s %s', (error, expected) => {
  expect(isPermanent(error)).toBe(expected);
});

test('what a server says of its refusal is shortened and made printable, and it cannot ask for more than five minutes', () => {
  const error = new HttpStatusError(500, `a\n\u0007b${'x'.repeat(500)}`, '86400');
  expect(error.message).toBe(`it answered 500: a b${'x'.repeat(197)}`);
  expect(error.retryAfterMs).toBe(300_000);
  expect(new HttpStatusError(500, '', 'Fri, 31 Dec 1999 23:59:59 GMT').retryAfterMs).toBe(undefined);
  expect(new HttpStatusError(500, '', '-1').retryAfterMs).toBe(undefined);
});

test('work that takes too long is given up, and so is what its caller gave up; no timer is left', async () => {
  const clock = new ManualClock();
  const outer = new AbortController();
  const signals: AbortSignal[] = [];
  const never = (signal: AbortSignal) => {
    signals.push(signal);
    return new Promise<never>(() => {});
  };
  const late = within(clock, 10, outer.signal, never).catch(String);
  await clock.advance(10);
  expect(await late).toBe('Error: no answer within 10 ms');
  const renewed = within(clock, 10, outer.signal, (signal, renew) => {
    renew(100);
    return never(signal);
  }).catch(String);
  await clock.advance(99);
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
  outer.abort(new Error('closed'));
  expect(await renewed).toBe('Error: closed');
  expect(await within(clock, 10, outer.signal, never).catch(String)).toBe('Error: closed');
  expect(await within(clock, 10, new AbortController().signal, async () => 'done')).toBe('done');
  expect([signals.length, clock.pending]).toEqual([2, 0]);
});

test('a gate lets a few in at a time, in their order; who gives up loses his turn, and all who wait can be turned away', async () => {
  const gate = new Gate(2);
  const { signal } = new AbortController();
  const giving = new AbortController();
  const log: string[] = [];
  const enter = (name: string, by = signal) =>
    gate.enter(by).then(
      (leave) => {
        log.push(name);
        return leave;
      },
      (error: unknown) => {
        log.push(`${name}: ${String(error)}`);
        return () => {};
      },
    );
  const first = await enter('1');
  const second = await enter('2');
  const third = enter('3', giving.signal);
  const fourth = enter('4');
  const fifth = enter('5');
  giving.abort('enough');
  await third;
  first();
  first();
  await fourth;
  expect(log).toEqual(['1', '2', '3: enough', '4']);
  gate.turnAway('down');
  await fifth;
  second();
  await enter('6');
  expect(log.slice(4)).toEqual(['5: down', '6']);
  await enter('7', giving.signal);
  expect(log.at(-1)).toBe('7: enough');
});
