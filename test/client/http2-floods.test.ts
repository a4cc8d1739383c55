import http2 from 'node:http2';
import net from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { isMeshError } from '../../src/index.ts';
import { portOf } from '../server/support.ts';
import { END_HEADERS, END_STREAM, FRAME, flood, frame, GET, PREFACE, serveFrames } from '../support/http2-frames.ts';
import { until } from './contract.ts';
import { closeAll, counted, meshOver, rejection } from './setup.ts';

afterEach(closeAll);

const MB = 1024 * 1024;
const times = (one: Buffer, count: number) => Buffer.concat(Array.from({ length: count }, () => one));
/** What a server sends once, and then without end. */
const FLOODS = {
  'a head that goes on for ever (CONTINUATION)': (stream: number) => ({
    first: frame(FRAME.headers, 0, stream, Buffer.from([0x88])),
    // A header without a name in the table: literal, not indexed.
    again: times(frame(FRAME.continuation, 0, stream, Buffer.from([0x00, 0x01, 0x61, 0x01, 0x62])), 1_000),
  }),
  'heads before the answer (103) without end': (stream: number) => ({
    first: Buffer.alloc(0),
    again: times(frame(FRAME.headers, END_HEADERS, stream, Buffer.from([0x08, 0x03, 0x31, 0x30, 0x33])), 1_000),
  }),
  'empty pieces of a body': (stream: number) => ({
    first: frame(FRAME.headers, END_HEADERS, stream, Buffer.from([0x88])),
    again: times(frame(FRAME.data, 0, stream), 1_000),
  }),
  settings: () => ({ first: Buffer.alloc(0), again: times(frame(FRAME.settings, 0, 0), 1_000) }),
  pings: () => ({ first: Buffer.alloc(0), again: times(frame(FRAME.ping, 0, 0, Buffer.alloc(8)), 1_000) }),
};

test.each(Object.keys(FLOODS))(
  'F76: a server that floods its client with %s is cut off, and fills no memory',
  async (name) => {
    let sent = Promise.resolve(0);
    const server = await serveFrames((socket, stream) => {
      const { first, again } = FLOODS[name as keyof typeof FLOODS](stream); // a key of it
      socket.write(first);
      sent = flood(socket, again, 200 * MB);
    });
    const mesh = meshOver([server], { connections: { http: 2 }, attemptTimeoutMs: 1_000, retry: false });
    const before = process.memoryUsage().rss;
    const error = await rejection(mesh.client('players').get('/').text());
    expect(['MESH_TRANSPORT', 'MESH_ATTEMPT_TIMEOUT']).toContain(isMeshError(error) ? error.code : error);
    // The connection is closed long before it could send all that it wants to.
    expect(await sent).toBeLessThan(20 * MB);
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * MB);
    await until(() => server.open() === 0);
  },
);

test('F76: a client that asks and takes back without end is cut off by the server (rapid reset)', async () => {
  const mesh = meshOver([], { self: { service: 'players' } });
  const server = http2.createServer((req, res) => {
    mesh.inbound(req as never, res as never, () => {}); // the shape of node:http, which is all that is used of it
  });
  server.on('sessionError', () => {});
  server.on('session', (session) => session.on('error', () => {}));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const socket = net.connect(portOf(server), '127.0.0.1');
  socket.on('error', () => {}).resume();
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.write(Buffer.concat([Buffer.from(PREFACE), frame(FRAME.settings, 0, 0)]));
  const cancel = Buffer.from([0, 0, 0, 8]);
  for (let i = 0; i < 20_000 && !socket.destroyed; i++) {
    const stream = 2 * i + 1;
    const pair = [frame(FRAME.headers, END_HEADERS | END_STREAM, stream, GET), frame(FRAME.reset, 0, stream, cancel)];
    if (!socket.write(Buffer.concat(pair))) await new Promise((resolve) => setImmediate(resolve));
  }
  await closed;
  expect(counted(mesh, 'inbound_requests')).toBeLessThan(5_000);
  expect(counted(mesh, 'inbound_in_flight')).toBe(0);
  server.close();
});
