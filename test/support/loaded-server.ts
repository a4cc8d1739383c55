import http from 'node:http';
import { createInbound } from '../../src/server/inbound.ts';
import { MemoryMetrics } from '../../src/telemetry/memory-metrics.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { echo, reply, serve, type TestServer } from './servers.ts';

export interface LoadedServer extends TestServer {
  /** Requests that it worked on, those aside that it has in flight for good. */
  readonly executed: () => number;
}

/**
 * A server of the mesh with so many requests in flight that do not end. It takes 10 ms for a request when it is idle and 30 ms with two others,
 * by a clock of its own that stands: with two or more in flight it is slower than idle. Its first answer is a 503, so that the call goes on to
 * another, and its caller hears of the load of both; after that it is an echo.
 */
export async function loadedServer(inFlight: number): Promise<LoadedServer> {
  const clock = new ManualClock();
  const self = { service: 'players', id: 'players-1', generation: 1, attributes: {} };
  const inbound = createInbound({ self, clock, metrics: new MemoryMetrics() });
  let arrived: ((res: http.ServerResponse) => void) | undefined;
  let executed = 0;
  const server = await serve((req, res, seen) =>
    inbound(req, res, () => {
      if (arrived !== undefined) arrived(res);
      else if (++executed === 1) reply(503)(req, res, seen);
      else echo(req, res, seen);
    }),
  );
  /** A request that is there, and not answered yet. */
  const begin = async () => {
    const there = new Promise<http.ServerResponse>((resolve) => {
      arrived = resolve;
    });
    const request = http.get(server.url, { headers: { 'mesh-caller': 'tests' }, agent: false }, (res) => res.resume());
    request.on('error', () => {}); // those that stay are cut off when the server is closed
    const over = new Promise<void>((resolve) => request.once('close', () => resolve()));
    return { res: await there, over };
  };
  const train = async (ms: number) => {
    for (let i = 0; i < 32; i++) {
      const { res, over } = await begin();
      await clock.advance(ms);
      res.end();
      await over;
    }
  };
  await train(10);
  for (let i = 0; i < inFlight; i++) {
    if (i === 2) await train(30);
    await begin();
  }
  arrived = undefined;
  return { ...server, executed: () => executed };
}
