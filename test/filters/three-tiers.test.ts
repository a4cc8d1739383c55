import { expect, test } from 'vitest';
import { runAmbient } from '../../src/core/ambient.ts';
import { InboundRequest } from '../../src/core/inbound-request.ts';
import { ManualClock } from '../../src/testing/entry.ts';
import { harness } from '../support/harness.ts';

type Layer = ReturnType<typeof harness>;

const CALLS = 500;

/** One layer, which passes each request on and its failure back; nothing but retries and their budget, no layer is saved by failing fast. */
function layer(clock: ManualClock, attemptTimeoutMs: number, seed: number, attempts = 3): Layer {
  const retry = attempts > 1 && { attempts, baseMs: 0, maxMs: 0, budgetPerSecond: 0 };
  return harness({ clock, seed, attemptTimeoutMs, retry, breaker: false, health: false, concurrency: false });
}

/** Serves what has arrived from one layer by calls of the next, as `mesh.inbound` does. */
function serve(from: Layer, to: Layer): void {
  while (from.peer.waiting > 0) {
    const { ctx, reply } = from.peer.next();
    const { clock } = from;
    const said = (name: string) => ctx.headers[ctx.headers.indexOf(name) + 1];
    const deadline = clock.now() + Number(said('mesh-timeout-ms'));
    const retried = ctx.headers.includes('mesh-attempt');
    const response = { writableEnded: false };
    const request = new InboundRequest('service', deadline, clock, response);
    ctx.onCancel(() => void request.over());
    const answer = (status: number) => {
      response.writableEnded = true;
      reply({ status, headers: request.triedAgain ? { 'mesh-retried': '1' } : {} });
      request.over();
    };
    runAmbient({ trace: undefined, baggage: '', deadline, retried, request }, () => to.call()).then(
      ({ status }) => answer(status),
      () => answer(503),
    );
  }
}

/** Makes one call each millisecond, through all layers. Returns the attempts at the service below them. */
async function attemptsOf(
  clock: ManualClock,
  { top, a, b }: Record<'top' | 'a' | 'b', Layer>,
  answers: (attempt: number) => boolean,
): Promise<number> {
  let attempts = 0;
  let ended = 0;
  for (let ms = 0; ended < CALLS; ms++) {
    if (ms < CALLS) {
      top.call().then(
        () => ended++,
        () => ended++,
      );
    }
    serve(top, a);
    serve(a, b);
    for (; b.peer.waiting > 0; attempts++) {
      const { reply } = b.peer.next();
      if (answers(attempts)) reply({ status: 200 });
    }
    await clock.advance(1);
  }
  return attempts;
}

const LIMITS = [
  { top: 600, a: 400, b: 200 },
  { top: 300, a: 300, b: 200 },
  { top: 700, a: 450, b: 200 },
  { top: 1_000, a: 405, b: 200 },
  { top: 410, a: 250, b: 240 },
  { top: 2_000, a: 1_000, b: 100 },
];
const WAYS: Readonly<Record<string, (attempt: number) => boolean>> = {
  'never answers': () => false,
  // So that it is no outage, in which nobody retries.
  'answers one of ten': (attempt) => attempt % 10 === 9,
};

test.each(Object.entries(WAYS).flatMap(([way, answers]) => LIMITS.map((limits) => [way, limits, answers] as const)))(
  'F62: a service that %s, three layers down, gets at most 1.2 attempts for each call, whatever those of each layer may take (%o)',
  async (_way, limits, answers) => {
    const clock = new ManualClock();
    const layers = { top: layer(clock, limits.top, 1), a: layer(clock, limits.a, 2), b: layer(clock, limits.b, 3) };
    const attempts = await attemptsOf(clock, layers, answers);
    expect(attempts).toBeGreaterThan(CALLS);
    expect(attempts).toBeLessThanOrEqual(1.2 * CALLS);
  },
);

test.each(LIMITS.flatMap((limits) => ['a', 'b', 'a and b'].map((once) => [once, limits] as const)))(
  'F62: it gets no more, and hardly less, where %s may try once only: a layer above uses its budget (%o)',
  async (once, limits) => {
    const clock = new ManualClock();
    const allowed = (name: string) => (once.includes(name) ? 1 : 3);
    const layers = {
      top: layer(clock, limits.top, 1),
      a: layer(clock, limits.a, 2, allowed('a')),
      b: layer(clock, limits.b, 3, allowed('b')),
    };
    const attempts = await attemptsOf(clock, layers, (attempt) => attempt % 10 === 9);
    expect(attempts).toBeGreaterThan(1.15 * CALLS);
    expect(attempts).toBeLessThanOrEqual(1.2 * CALLS);
  },
);
