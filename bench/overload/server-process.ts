import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { createMesh } from '../../src/mesh.ts';

/** What a server is, given as its only argument. */
export interface ServerOrder {
  /** 0 for any. */
  readonly port: number;
  /** Requests that are worked on at a time; all others wait in one queue, and are worked on even when nobody waits for them any more. */
  readonly workers: number;
  /** What one takes. */
  readonly workMs: number;
  /** Whether a worker computes all the time, instead of only taking time. */
  readonly computes: boolean;
  readonly limited: boolean;
}

const order: ServerOrder = JSON.parse(process.argv[2] ?? '');
const mesh = createMesh({
  self: { service: 'players' },
  registry: {},
  opentelemetry: false,
  logger: false,
  inbound: order.limited ? { limit: { queue: {} } } : {},
});

const queue: http.ServerResponse[] = [];
let busy = 0;
let worked = 0;
let workedMs = 0;

function start(): void {
  if (busy >= order.workers) return;
  const res = queue.shift();
  if (res === undefined) return;
  busy++;
  const since = performance.now();
  const done = () => {
    busy--;
    worked++;
    workedMs += performance.now() - since;
    res.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    start();
  };
  if (order.computes) setImmediate(() => compute(order.workMs, done));
  else setTimeout(done, order.workMs);
}

function compute(ms: number, done: () => void): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
  done();
}

const server = http.createServer(
  mesh.inbound.listener((_req: http.IncomingMessage, res: http.ServerResponse) => {
    queue.push(res);
    start();
  }),
);
server.keepAliveTimeout = 60_000;
server.listen(order.port, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo; // an address, since it listens on a port
  process.send?.(port);
});
// How long work really took: on a machine that does other work as well it is more than it was told to.
process.on('message', () => process.send?.(workedMs / worked));
process.on('disconnect', () => process.exit());
