import { getEventListeners } from 'node:events';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { runAmbient } from '../../src/core/ambient.ts';
import { ConnectError, TransportError } from '../../src/core/errors.ts';
import { InboundRequest } from '../../src/core/inbound-request.ts';
import type { Arrival, MockResponse } from '../../src/testing/mock-peer.ts';
import { harness, outcome } from '../support/harness.ts';

/** What happens to one attempt, and when: milliseconds after it arrived. */
const fates = fc.record({
  kind: fc.constantFrom('answer', 'fail', 'refuse', 'break off', 'hang'),
  status: fc.constantFrom(200, 200, 404, 503),
  head: fc.nat(60),
  body: fc.nat(60),
  /** Whether the client library goes on when it is told to stop. */
  deaf: fc.boolean(),
});
type Fate = typeof fates extends fc.Arbitrary<infer T> ? T : never;

/** When a call begins, and what may end it early. */
const callers = fc.record({
  at: fc.nat(60),
  abortAt: fc.option(fc.nat(120), { nil: undefined }),
  goneAt: fc.option(fc.nat(120), { nil: undefined }),
  inheritedMs: fc.option(fc.integer({ min: -5, max: 100 }), { nil: undefined }),
});
type Caller = typeof callers extends fc.Arbitrary<infer T> ? T : never;

/** The longest that anything can take: whoever is pending then is so for ever. */
const END_MS = 1_000;

/** Plays a schedule and tells what was sent, what came of it and what is left. */
async function play(plays: readonly Caller[], fortunes: readonly Fate[], attemptTimeoutMs: number, deadlineMs: number) {
  const { clock, call, peer, metrics, target } = harness({
    attemptTimeoutMs,
    deadlineMs,
    retry: { baseMs: 5, maxMs: 20 },
    breaker: false,
    health: false,
  });
  const idle = clock.pending;
  const arrivals: Arrival[] = [];
  /** Heads that the peer gave, each of its own. */
  const given = new Map<MockResponse, Arrival>();
  /** Those of them that came when nobody wanted them any more. */
  const late: MockResponse[] = [];
  const replies: Promise<MockResponse>[] = [];
  const signals: AbortSignal[] = [];

  const suffer = (arrival: Arrival, { kind, status, head, body, deaf }: Fate) => {
    const { ctx } = arrival;
    const service = 'players';
    clock.after(head, () => {
      if (kind === 'fail') arrival.fail(new TransportError(service, ctx.endpoint?.id, new Error('reset')));
      if (kind === 'refuse') arrival.fail(new ConnectError(service, ctx.endpoint?.id, new Error('refused')));
      if (kind !== 'answer' && kind !== 'break off') return;
      const response = { status, body: `${given.size}` };
      given.set(response, arrival);
      if (ctx.cancelled !== undefined && deaf) late.push(response);
      arrival.replyHead(response);
      clock.after(body, () => ctx.end(kind === 'answer' ? undefined : new Error('cut off')));
    });
    if (!deaf) ctx.onCancel((reason) => arrival.fail(reason));
  };
  const begin = ({ abortAt, goneAt, inheritedMs }: Caller) => {
    const controller = new AbortController();
    const deadline = inheritedMs === undefined ? Number.POSITIVE_INFINITY : clock.now() + inheritedMs;
    const request = new InboundRequest('teams', deadline, clock, { writableEnded: false });
    const ambient = { trace: undefined, baggage: '', deadline, retried: false, request };
    replies.push(runAmbient(ambient, () => call({}, { signal: controller.signal })));
    signals.push(controller.signal);
    if (abortAt !== undefined) clock.after(abortAt, () => controller.abort());
    if (goneAt !== undefined) clock.after(goneAt, () => request.over());
  };
  for (const caller of plays) clock.after(caller.at, () => begin(caller));
  for (let ms = 0; ms < END_MS; ms += ms < 250 ? 1 : 50) {
    await clock.advance(ms < 250 ? 1 : 50);
    for (; peer.waiting > 0; arrivals.push(peer.next()));
    for (const arrival of arrivals) {
      const fate = fortunes[arrivals.indexOf(arrival) % fortunes.length];
      if (fate !== undefined && !begun.has(arrival)) suffer(arrival, fate);
      begun.add(arrival);
    }
  }
  return { arrivals, given, late, replies, signals, peer, metrics, target, left: clock.pending - idle };
}

const begun = new WeakSet<Arrival>();

test('F69: whatever comes first, a call has one outcome, and nothing of it is left', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(callers, { minLength: 1, maxLength: 6 }),
      fc.array(fates, { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: 1, max: 120 }),
      async (plays, fortunes, attemptTimeoutMs, deadlineMs) => {
        const { arrivals, given, late, replies, signals, peer, metrics, target, left } = await play(
          plays,
          fortunes,
          attemptTimeoutMs,
          deadlineMs,
        );
        const outcomes = await Promise.all(replies.map(outcome));
        expect(outcomes).not.toContain('pending');
        const counted = (name: string) =>
          metrics
            .read()
            .filter((one) => one.name === name)
            .reduce((sum, one) => sum + (one.kind === 'histogram' ? 0 : one.value), 0);
        expect(counted('calls')).toBe(plays.length);
        expect(counted('attempts')).toBe(arrivals.length);

        // Each answer is its caller's, or was given back to be freed, or its attempt was told to stop: never two of the first, never none.
        const delivered = outcomes.flatMap((one) => (one !== 'pending' && 'value' in one ? [one.value] : []));
        expect(new Set(delivered).size).toBe(delivered.length);
        expect(new Set(peer.discarded).size).toBe(peer.discarded.length);
        expect(peer.discarded.filter((one) => delivered.includes(one))).toEqual([]);
        const lost = [...given].filter(
          ([response, { ctx }]) =>
            !delivered.includes(response) && !peer.discarded.includes(response) && ctx.cancelled === undefined,
        );
        expect(lost).toEqual([]);
        expect(late.filter((one) => !peer.discarded.includes(one))).toEqual([]);

        expect(arrivals.every(({ ctx }) => ctx.ended)).toBe(true);
        expect(left).toBe(0);
        expect(target.nodes.nodes.map(({ running }) => running)).toEqual([0, 0, 0]);
        expect(signals.map((signal) => getEventListeners(signal, 'abort').length)).toEqual(plays.map(() => 0));
      },
    ),
    { numRuns: 150 },
  );
});
