import express from 'express';
import { afterEach, expect, test } from 'vitest';
import { ambient } from '../../src/core/ambient.ts';
import { createInbound } from '../../src/server/inbound.ts';
import { MemoryMetrics } from '../../src/telemetry/memory-metrics.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { self, send } from './support.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function setup() {
  const clock = new ManualClock();
  const metrics = new MemoryMetrics();
  const app = express();
  app.use(createInbound({ self, clock, metrics }));
  app.use(express.json());
  app.post('/teams', async (req, res) => {
    await Promise.resolve();
    res.json({ body: req.body, retried: ambient()?.retried, leftMs: (ambient()?.deadline ?? 0) - clock.now() });
  });
  app.get('/broken', () => {
    throw new Error('broken');
  });
  app.use(((_error, _req, res, _next) => {
    res.status(500).send(`seen by express, retried: ${ambient()?.retried}`);
  }) satisfies express.ErrorRequestHandler);
  const port = await new Promise<number>((resolve) => {
    const server = app.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
    closing.push(() => server.close());
  });
  return { port, metrics };
}

test('an Express app serves with the limits of the caller, also behind a body parser and an await', async () => {
  const { port } = await setup();
  const headers = { 'content-type': 'application/json', 'mesh-attempt': '2', 'mesh-timeout-ms': '250' };
  const reply = await send(port, { method: 'POST', path: '/teams', headers }, '{"name":"Ajax"}');
  expect(JSON.parse(reply.body)).toEqual({ body: { name: 'Ajax' }, retried: true, leftMs: 250 });
});

test('an Express app never sees what was refused', async () => {
  const { port, metrics } = await setup();
  expect((await send(port, { path: '/broken', headers: { 'mesh-target': 'players' } })).status).toBe(421);
  expect((await send(port, { path: '/broken', headers: { 'mesh-timeout-ms': '0' } })).status).toBe(504);
  expect(metrics.value('inbound_requests')).toBe(2);
});

test('an error thrown in a route reaches the error middleware of Express', async () => {
  const { port } = await setup();
  const reply = await send(port, { path: '/broken', headers: { 'mesh-attempt': '2' } });
  expect(reply.status).toBe(500);
  expect(reply.body).toBe('seen by express, retried: true');
});
