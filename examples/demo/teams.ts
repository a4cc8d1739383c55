import http, { type ServerResponse } from 'node:http';
import got from 'got';
import { createMesh, meshOf } from 'heddle';
import { director } from './director.ts';
import { type Answer, ATTEMPTS } from './protocol.ts';
import { reportHealth } from './report-health.ts';

/** The service `teams`: `node teams.ts REGISTRY`. For every request it calls `players`, through a got that the mesh has wrapped. */
const [, , registry = 'file:.heddle'] = process.argv;

const mesh = createMesh({ self: { service: 'teams' }, registry, logger: false });
const players = mesh.wrap(got);

const server = http.createServer(mesh.inbound.listener((_req, res) => void answer(res)));
server.listen(0, '127.0.0.1');

async function answer(res: ServerResponse): Promise<void> {
  try {
    const response = await players<Answer>('http://players/of/team/42', { responseType: 'json' });
    res.setHeader(ATTEMPTS, attemptsOf(response));
    res.setHeader('content-type', 'application/json').end(JSON.stringify(response.body));
  } catch (error) {
    res.setHeader(ATTEMPTS, attemptsOf(error));
    res.writeHead(500, { 'content-type': 'text/plain' }).end(error instanceof Error ? error.message : `${error}`);
  }
}

function attemptsOf(responseOrError: unknown): number {
  return meshOf(responseOrError)?.attempts.length ?? 0;
}

mesh.on('announcement', ({ state }) => {
  if (state === 'announced') director.tell({ kind: 'ready', at: Date.now() });
});
const stopReporting = reportHealth(mesh);

const registration = await mesh.register({ server });
await registration.drained;
stopReporting();
await mesh.close();
director.leave();
