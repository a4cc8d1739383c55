import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { createMesh } from '../../src/mesh.ts';

/** How it answers from now on; it says `true` when it does. */
export interface ServerOrder {
  readonly speed: number;
  /** Requests that it works on at a time, the others wait in a queue; without it all at once. */
  readonly workers?: number;
  /** Fails all in a millisecond. */
  readonly failing: boolean;
}

/** Where it listens. */
export interface ServerPorts {
  /** With `mesh.inbound`, so that its answers tell its load. */
  readonly meshed: number;
  readonly plain: number;
}

// A server that only takes time: as many milliseconds as the query asks for, at speed 1.
let order: ServerOrder = { speed: 1, failing: false };
const waiting: (() => void)[] = [];
let working = 0;
const mesh = createMesh({ self: { service: 'players' }, registry: {}, opentelemetry: false, logger: false });

const listener: http.RequestListener = (req, res) => {
  const workMs = Number(new URLSearchParams(req.url?.split('?')[1]).get('ms'));
  const work = () => {
    working++;
    const { speed, failing } = order;
    setTimeout(
      () => {
        working--;
        res.writeHead(failing ? 503 : 200).end('{}');
        waiting.shift()?.();
      },
      failing ? 1 : workMs / speed,
    );
  };
  if (working < (order.workers ?? Number.POSITIVE_INFINITY)) work();
  else waiting.push(work);
};

async function listen(server: http.Server): Promise<number> {
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port; // an address, since it listens on a port
}

const meshed = await listen(http.createServer(mesh.inbound.listener(listener)));
const plain = await listen(http.createServer(listener));
process.on('message', (next: ServerOrder) => {
  order = next;
  process.send?.(true);
});
process.on('disconnect', () => process.exit());
process.send?.({ meshed, plain } satisfies ServerPorts);
