import { expect, test } from 'vitest';
import { runAmbient } from '../../src/core/ambient.ts';
import { harness } from '../support/harness.ts';

const headersOf = (headers: readonly string[]): Record<string, string> => {
  const all: Record<string, string> = {};
  for (let i = 0; i + 1 < headers.length; i += 2) all[headers[i] ?? ''] = headers[i + 1] ?? '';
  return all;
};

test('without OpenTelemetry a trace goes on as it came, with its state and baggage', async () => {
  const { call, clock, peer } = harness();
  const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), flags: 1, state: 'vendor=1' };
  const reply = runAmbient({ trace, baggage: 'user=7', deadline: clock.now() + 1_000, retried: false }, () => call());
  const { ctx, reply: answer } = peer.next();
  expect(headersOf(ctx.headers)).toMatchObject({
    traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
    tracestate: 'vendor=1',
    baggage: 'user=7',
  });
  answer({ status: 200 });
  await reply;
});

test('without OpenTelemetry a call that belongs to no trace begins one that is not recorded, the same for all its attempts', async () => {
  const { call, clock, peer } = harness();
  const reply = call();
  const first = peer.next();
  const { traceparent } = headersOf(first.ctx.headers);
  expect(traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  first.reply({ status: 503 });
  await clock.advance(25);
  const second = peer.next();
  expect(headersOf(second.ctx.headers)['traceparent']).toBe(traceparent);
  second.reply({ status: 200 });
  await reply;
});

test('each attempt tells its number, its caller, and whom it means', async () => {
  const { call, clock, peer } = harness();
  const reply = call();
  peer.next().reply({ status: 503 });
  await clock.advance(25);
  const { ctx, reply: answer } = peer.next();
  expect(headersOf(ctx.headers)).toMatchObject({
    'mesh-attempt': '2',
    'mesh-caller': 'teams',
    'mesh-target': `players;${ctx.endpoint?.id}`,
  });
  answer({ status: 200 });
  await reply;
});

test('baggage travels without a trace, too', async () => {
  const { call, clock, peer } = harness();
  const ambient = { trace: undefined, baggage: 'user=7', deadline: clock.now() + 1_000, retried: false };
  const reply = runAmbient(ambient, () => call());
  const { ctx, reply: answer } = peer.next();
  expect(headersOf(ctx.headers)['baggage']).toBe('user=7');
  answer({ status: 200 });
  await reply;
});
