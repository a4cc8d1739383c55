import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http, { type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import net, { type AddressInfo, type Server, type Socket } from 'node:net';

/** A request as a server got it. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** Name, value, name, value, as they came. */
  readonly rawHeaders: readonly string[];
  /** What has come of the body. */
  readonly body: () => Buffer;
  /** Resolves when its body is complete. */
  readonly whole: Promise<void>;
  /** Resolves when its connection is closed. */
  readonly closed: Promise<void>;
}

/** Answers one request; called when its head is there. */
export type Answer = (req: IncomingMessage, res: ServerResponse, seen: Seen) => unknown;

/** Plays one connection of a server that does not keep to HTTP; `nth` counts from 1. */
export type Misbehave = (socket: Socket, nth: number) => void;

export interface TestServer {
  readonly url: string;
  /** How the mesh calls it. */
  readonly id: string;
  /** Requests in the order they came. Raw servers see none. */
  readonly requests: readonly Seen[];
  /** Connections made to it so far. */
  readonly connections: () => number;
  /** Connections that are open. */
  readonly open: () => number;
  /** Resolves with the request of this number, counted from 1, once it is there. */
  readonly request: (nth: number) => Promise<Seen>;
  /** Resolves when this many connections have been made, counted from 1. */
  readonly connected: (nth: number) => Promise<void>;
  /** Stops listening and drops all connections. */
  readonly close: () => Promise<void>;
}

const running = new Set<{ readonly close: () => Promise<void> }>();

/** Closes all servers that a test started. */
export async function closeServers(): Promise<void> {
  await Promise.all([...running].map((server) => server.close()));
  running.clear();
}

/** A server of HTTP. The first request gets the first answer, and so on; the last answer serves all others. */
export async function serve(...answers: [Answer, ...Answer[]]): Promise<TestServer> {
  const requests: Seen[] = [];
  const waiting = new Waiting();
  const server = http.createServer((req, res) => {
    const chunks: Buffer[] = [];
    const seen: Seen = {
      method: req.method ?? '',
      url: req.url ?? '',
      headers: req.headers,
      rawHeaders: req.rawHeaders,
      body: () => Buffer.concat(chunks),
      whole: new Promise((resolve) => req.once('end', resolve)),
      closed: closed(req.socket),
    };
    req.on('error', () => {}).on('data', (chunk: Buffer) => chunks.push(chunk));
    res.on('error', () => {});
    requests.push(seen);
    const answer = answers[Math.min(requests.length, answers.length) - 1];
    answer?.(req, res, seen);
    waiting.reached(requests.length);
  });
  const { connections, ...base } = await start(server);
  return {
    ...base,
    connections,
    requests,
    request: async (nth) => {
      await waiting.until(() => requests.length >= nth);
      const seen = requests[nth - 1];
      if (seen === undefined) throw new Error(`request ${nth} is not there`);
      return seen;
    },
  };
}

/** A server that plays each of its connections by hand. */
export async function misbehave(play: Misbehave): Promise<TestServer> {
  let nth = 0;
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    play(socket, ++nth);
  });
  const base = await start(server);
  return { ...base, requests: [], request: () => Promise.reject(new Error('a raw server reads no requests')) };
}

/** A URL where nobody listens. */
export async function nobody(): Promise<{ readonly url: string; readonly id: string }> {
  const { url, id, close } = await misbehave(() => {});
  await close();
  return { url, id };
}

/**
 * A server that lets nobody in: its process stands still and its queue is full, so that the kernel drops whatever asks for a connection, as a
 * firewall would.
 */
export async function deaf(): Promise<{ readonly url: string; readonly id: string }> {
  const code = "const s = require('net').createServer().listen(0, '127.0.0.1', 1, () => console.log(s.address().port))";
  const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [text] = await once(child.stdout, 'data');
  const port = Number(text);
  child.kill('SIGSTOP');
  const sockets: Socket[] = [];
  const fill = async (): Promise<void> => {
    const socket = net.connect(port, '127.0.0.1').on('error', () => {});
    sockets.push(socket);
    const entered = await Promise.race([once(socket, 'connect'), new Promise((resolve) => setTimeout(resolve, 200))]);
    if (entered !== undefined) await fill();
  };
  await fill();
  const id = `127.0.0.1:${port}`;
  running.add({
    close: async () => {
      for (const socket of sockets) socket.destroy();
      child.kill('SIGKILL');
    },
  });
  return { url: `http://${id}`, id };
}

/** Has a server listen on loopback, until `closeServers`. */
export async function start(server: Server): Promise<Omit<TestServer, 'requests' | 'request'>> {
  const sockets = new Set<Socket>();
  const waiting = new Waiting();
  let made = 0;
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    made++;
    waiting.reached(made);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // it listens on a port
  const started = {
    url: `http://127.0.0.1:${port}`,
    id: `127.0.0.1:${port}`,
    connections: () => made,
    open: () => sockets.size,
    connected: (nth: number) => waiting.until(() => made >= nth),
    close: async () => {
      running.delete(started);
      if (!server.listening) return;
      const stopped = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await stopped;
    },
  };
  running.add(started);
  return started;
}

const closings = new WeakMap<Socket, Promise<void>>();

function closed(socket: Socket): Promise<void> {
  let closing = closings.get(socket);
  if (closing === undefined) {
    closing = new Promise((resolve) => socket.once('close', () => resolve()));
    closings.set(socket, closing);
  }
  return closing;
}

/** Those who wait for something to have happened often enough. */
export class Waiting {
  #waiting: { readonly done: () => boolean; readonly resolve: () => void }[] = [];

  reached(_count: number): void {
    this.#waiting = this.#waiting.filter(({ done, resolve }) => {
      if (!done()) return true;
      resolve();
      return false;
    });
  }

  until(done: () => boolean): Promise<void> {
    return done() ? Promise.resolve() : new Promise((resolve) => this.#waiting.push({ done, resolve }));
  }
}

export const sha = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

/** Bytes that are all different enough for a missing or doubled piece to change their hash. */
export function bytes(length: number): Buffer {
  const all = Buffer.alloc(length);
  for (let i = 0, state = 1; i < length; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    all[i] = state >>> 16;
  }
  return all;
}

/** Answers with a status and a body once the whole request is there. */
export function reply(status: number, body: string | Uint8Array = '', headers: http.OutgoingHttpHeaders = {}): Answer {
  return (_req, res, seen) => {
    void seen.whole.then(() => res.writeHead(status, headers).end(body));
  };
}

/** Answers with a status at once, whatever is still to come of the request. */
export function replyAtOnce(status: number, body = ''): Answer {
  return (_req, res) => res.writeHead(status, { 'content-length': Buffer.byteLength(body) }).end(body);
}

/** Answers with what came: method, URL, headers, and length and hash of the body. */
export const echo: Answer = (_req, res, seen) => {
  void seen.whole.then(() => {
    const { method, url, headers } = seen;
    const body = seen.body();
    res.writeHead(200, { 'content-type': 'application/json' });
    res.end(
      JSON.stringify({
        method,
        url,
        headers,
        length: body.length,
        hash: sha(body),
        text: body.toString('utf8', 0, 200),
      }),
    );
  });
};

/** What `echo` answers. */
export interface Echo {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly length: number;
  readonly hash: string;
  readonly text: string;
}

/** Never answers. */
export const hang: Answer = () => {};

/** Sends a head that promises more than comes, then a byte at a time, for ever. */
export const drip: Answer = (_req, res) => {
  res.writeHead(200, { 'content-length': 1_000_000 });
  res.write('x');
  const timer = setInterval(() => res.write('x'), 10);
  res.once('close', () => clearInterval(timer));
};

/** Sends a head and half of a body, then resets the connection. */
export const resetMidBody: Answer = (req, res) => {
  res.writeHead(200, { 'content-length': 1_000 });
  res.write('x'.repeat(500), () => req.socket.resetAndDestroy());
};

/** Reads the request and resets the connection. */
export const resetBeforeResponse: Answer = (req, _res, seen) => {
  void seen.whole.then(() => req.socket.resetAndDestroy());
};

/** Reads the request and ends the connection without a word. */
export const finBeforeResponse: Answer = (req, _res, seen) => {
  void seen.whole.then(() => req.socket.end());
};

/** A chunked body whose end never comes. */
export const truncatedChunks: Misbehave = (socket) => {
  socket.once('data', () => {
    socket.end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n');
  });
};

/** What no HTTP client can read. */
export const gibberish: Misbehave = (socket) => {
  socket.once('data', () => socket.end('SSH-2.0-OpenSSH_9.6\r\n\r\n'));
};

/** Refuses as a server does that is another service than the one meant. */
export const misdirected: Answer = (_req, res, seen) => {
  void seen.whole.then(() => res.writeHead(421, { 'mesh-nack': 'misdirected' }).end("a stranger's answer"));
};
