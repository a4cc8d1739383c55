import net, { type Socket } from 'node:net';
import { start, type TestServer } from './servers.ts';

/** Types of frames (RFC 9113, 6). */
export const FRAME = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, continuation: 9 } as const;
export const END_STREAM = 1;
export const END_HEADERS = 4;
export const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
/** `:method: GET`, `:scheme: http`, `:path: /`, `:authority: a`, as HPACK has them. */
export const GET = Buffer.from([0x82, 0x86, 0x84, 0x41, 0x01, 0x61]);

export function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A server that greets as HTTP/2 does, and calls `asked` when the head of a request is there. */
export async function serveFrames(
  asked: (socket: Socket, stream: number) => void,
): Promise<Omit<TestServer, 'requests' | 'request'>> {
  const server = net.createServer((socket) => {
    let received = Buffer.alloc(0);
    let greeted = false;
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (!greeted) {
        if (received.length < PREFACE.length) return;
        received = received.subarray(PREFACE.length);
        greeted = true;
        socket.write(Buffer.concat([frame(FRAME.settings, 0, 0), frame(FRAME.settings, 1, 0)]));
      }
      while (received.length >= 9) {
        const end = 9 + received.readUIntBE(0, 3);
        if (received.length < end) return;
        const [type, stream] = [received.readUInt8(3), received.readUInt32BE(5)];
        received = received.subarray(end);
        if (type === FRAME.headers) asked(socket, stream);
      }
    });
  });
  return start(server);
}

/** Writes `chunk` again and again, as fast as it is taken, until the connection is closed or so many bytes were sent: how many were. */
export async function flood(socket: Socket, chunk: Buffer, mostBytes: number): Promise<number> {
  let sent = 0;
  while (!socket.destroyed && sent < mostBytes) {
    sent += chunk.length;
    if (socket.write(chunk)) {
      await new Promise((resolve) => setImmediate(resolve));
      continue;
    }
    await new Promise<void>((resolve) => {
      const go = () => {
        socket.off('drain', go);
        socket.off('close', go);
        resolve();
      };
      socket.on('drain', go).on('close', go);
    });
  }
  return sent;
}
