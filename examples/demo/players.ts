import http from 'node:http';
import { createMesh } from 'heddle';
import { director } from './director.ts';
import type { Answer } from './protocol.ts';
import { brief } from './words.ts';

/** One instance of the service `players`: `node players.ts REGISTRY NAME`. It takes 5 to 15 ms for an answer, or as much longer as it is told. */
const [, , registry = 'file:.heddle', name = 'p1'] = process.argv;

let slowness = 1;
director.hear((order) => {
  if (order.kind === 'slowness') slowness = order.factor;
});

const mesh = createMesh({ self: { service: 'players', attributes: { name } }, registry, logger: false });

const server = http.createServer(
  mesh.inbound.listener((_req, res) => {
    const answer: Answer = { instance: name };
    const send = () => res.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
    setTimeout(send, (5 + 10 * Math.random()) * slowness);
  }),
);
server.listen(0, '127.0.0.1');

let announced = false;
mesh.on('announcement', ({ state, reason }) => {
  if (state === 'retrying') director.tell({ kind: 'said', text: `goes on without the registry (${brief(reason)})` });
  if (state !== 'announced') return;
  if (announced) director.tell({ kind: 'said', text: 'announced itself anew' });
  else director.tell({ kind: 'ready', at: Date.now() });
  announced = true;
});

// This is all that a restart without a lost call needs: on SIGTERM it leaves the registry, finishes what it has, and closes.
const registration = await mesh.register({ server });
await registration.drained;
await mesh.close();
director.leave();
