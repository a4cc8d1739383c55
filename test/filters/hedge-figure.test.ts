import { expect, test } from 'vitest';
import { seededRandom } from '../../src/testing/entry.ts';
import { harness } from '../support/harness.ts';

const CALLS = 10_000;
/** One execution in two hundred takes twenty times as long as the others. */
const HICCUPS = 0.005;
const HICCUP_MS = 200;

/** Calls that come by chance, 500 in a second, in time that only the test moves. */
async function run(hedge: false | object) {
  const { call, clock, peer, metrics } = harness({ endpoints: 10, hedge });
  const random = seededRandom(7);
  const took: number[] = [];
  let executions = 0;
  const replies: Promise<unknown>[] = [];
  const serve = () => {
    while (peer.waiting > 0) {
      const { ctx, reply } = peer.next();
      executions++;
      const ms = random() < HICCUPS ? HICCUP_MS : 5 + 10 * random();
      const timer = clock.after(ms, () => reply({ status: 200 }));
      ctx.onCancel(() => timer.cancel());
    }
  };
  for (let i = 0; i < CALLS; i++) {
    const startedAt = clock.now();
    replies.push(call().then(() => took.push(clock.now() - startedAt)));
    serve();
    const gapMs = -2 * Math.log(1 - random());
    // A second attempt is seen in the step after it was sent: a millisecond later at most.
    for (let ms = 0; ms < gapMs; ms += 1) {
      await clock.advance(Math.min(1, gapMs - ms));
      serve();
    }
  }
  for (let ms = 0; ms < 2 * HICCUP_MS; ms += 1) {
    await clock.advance(1);
    serve();
  }
  await Promise.all(replies);
  const sorted = took.toSorted((a, b) => a - b);
  const at = (quantile: number) => sorted[Math.floor(quantile * sorted.length)] ?? Number.NaN;
  return {
    p50: at(0.5),
    p999: at(0.999),
    executions: executions / CALLS,
    hedges: metrics.value('hedges', { service: 'players' }),
  };
}

test('where one execution in two hundred hiccups, hedging cuts p99.9 to less than a quarter for two executions in a hundred', async () => {
  const bare = await run(false);
  const hedged = await run({});
  expect([bare.executions, Math.round(bare.p999)]).toEqual([1, HICCUP_MS]);
  expect(hedged.p999 * 4).toBeLessThanOrEqual(bare.p999);
  expect(hedged.executions).toBeLessThanOrEqual(1.02);
  expect(hedged.p50).toBeLessThanOrEqual(bare.p50 * 1.01);
}, 60_000);
