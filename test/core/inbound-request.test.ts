import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Context } from '../../src/core/context.ts';
import { InboundRequest } from '../../src/core/inbound-request.ts';
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

test.each([
  ['attempts', true],
  ['budget', true],
  ['outage', true],
  ['already-retried', true],
  ['resend', false],
  ['body', false],
  ['left-to-caller', false],
  [undefined, false],
] as const)('a call that failed and was not retried because of %s was tried again: %s', (notRetried, again) => {
  const request = new InboundRequest('teams', Number.POSITIVE_INFINITY, new ManualClock(), { writableEnded: false });
  const call = new Context('players', { operation: 'GET', idempotent: true }, 0);
  request.follow(call);
  call.note({ notRetried });
  expect(request.triedAgain).toBe(again);
  call.end();
  expect(request.triedAgain).toBe(again);
});
