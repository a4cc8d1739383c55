import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below the ports that systems give to connections that go out (from 32,768 on Linux, 49,152 elsewhere). One of those may be taken before its
 * server starts: by a connection of another test, or by one to that very port, which meets itself while nobody listens there.
 */
const FIRST = 12_000;
const COUNT = 20_000;

// Each process begins somewhere else, and gives none twice.
let next = Math.floor(Math.random() * COUNT);

/** A port of loopback where nobody listens. */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < COUNT; tried++) {
    const port = FIRST + (next++ % COUNT);
    if (await isFree(port)) return port;
  }
  throw new Error(`no port is free from ${FIRST} to ${FIRST + COUNT - 1}`);
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  try {
    await once(probe.listen(port, '127.0.0.1'), 'listening');
  } catch {
    return false;
  }
  await once(probe.close(), 'close');
  return true;
}
