import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Context } from '../../src/core/context.ts';
import { InboundRequest } from '../../src/core/inbound-request.ts';
import type { NotRetried } from '../../src/core/not-retried.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';

const steps = fc.constantFrom('ask', 'call', 'finish', 'end', 'close', '100 ms', '300 ms');

test('whatever comes first, the signal aborts once at most, calls are cancelled only when the client is gone, and nothing is left', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { maxLength: 20 }), async (schedule) => {
      const clock = new ManualClock();
      const response = { writableEnded: false };
      const request = new InboundRequest('teams', clock.now() + 500, clock, response);
      const calls: Context[] = [];
      let aborts = 0;
      let asked = false;
      let closed = false;
      let gone = false;
      for (const step of [...schedule, 'close']) {
        const done = response.writableEnded || closed;
        const before = aborts;
        if (step === 'ask') {
          const { signal } = request;
          if (!asked && signal.aborted) aborts++;
          else if (!asked) signal.addEventListener('abort', () => aborts++, { once: true });
          asked = true;
        } else if (step === 'call') {
          const call = new Context('players', { operation: 'GET', idempotent: true }, clock.now());
          request.follow(call);
          calls.push(call);
        } else if (step === 'finish') {
          calls.find(({ ended }) => !ended)?.end();
        } else if (step === 'end') {
          response.writableEnded ||= !closed;
        } else if (step === 'close') {
          gone ||= !closed && !response.writableEnded;
          closed = true;
          expect(request.over()).toBe(gone);
        } else {
          await clock.advance(Number.parseInt(step, 10));
        }
        // One that is asked for late tells what was so before.
        if (done && !gone && step !== 'ask') expect(aborts).toBe(before);
        for (const call of calls) if (!gone) expect(call.cancelled).toBe(undefined);
      }
      expect(aborts).toBeLessThanOrEqual(1);
      for (const call of calls) expect(call.ended || (call.cancelled !== undefined) === gone || !gone).toBe(true);
      const late = new Context('players', { operation: 'GET', idempotent: true }, clock.now());
      request.follow(late);
      expect(late.cancelled !== undefined).toBe(gone);
      expect(clock.pending).toBe(0);
    }),
    { numRuns: 500 },
  );
});

test('a call that is over is let go of, whatever the request still does', () => {
  setFlagsFromString('--expose-gc');
  const gc: () => void = runInNewContext('gc');
  const clock = new ManualClock();
  const request = new InboundRequest('teams', Number.POSITIVE_INFINITY, clock, { writableEnded: false });
  const refs = Array.from({ length: 100 }, () => {
    const call = new Context('players', { operation: 'GET', idempotent: true }, clock.now());
    request.follow(call);
    call.end();
    return new WeakRef(call);
  });
  return new Promise<void>((resolve) => {
    setImmediate(() => {
      gc();
      // The stack may still hold the last.
      expect(refs.filter((ref) => ref.deref() !== undefined).length).toBeLessThan(5);
      expect(request.over()).toBe(true);
      resolve();
    });
  });
});

test.each<[NotRetried | undefined, number, number, boolean]>([
  // It was sent once: whoever is above may send it again, unless nobody should.
  ['attempts', 1, 0, false],
  ['attempts', 3, 2, false],
  ['resend', 1, 0, false],
  ['body', 1, 0, false],
  ['left-to-caller', 1, 0, false],
  ['already-retried', 1, 0, true],
  ['retry-after', 1, 0, true],
  ['deadline', 1, 0, true],
  ['outage', 1, 0, true],
  ['budget', 1, 0, true],
  // It was sent again here.
  ['attempts', 2, 0, true],
  ['resend', 2, 0, true],
  ['body', 2, 0, true],
  ['deadline', 2, 0, true],
  [undefined, 2, 0, false],
])(
  'F62: a call that failed and was not retried because of %s, after %i attempts, %i of them refused as asked, was tried again: %s',
  (notRetried, attempts, refusals, again) => {
    const request = new InboundRequest('teams', Number.POSITIVE_INFINITY, new ManualClock(), { writableEnded: false });
    const call = new Context('players', { operation: 'GET', idempotent: true }, 0);
    request.follow(call);
    for (let attempt = 0; attempt < attempts; attempt++) call.fork(0);
    call.refusals = refusals;
    call.note({ notRetried });
    expect(request.triedAgain).toBe(again);
    call.end();
    expect(request.triedAgain).toBe(again);
  },
);
