import type { Socket } from 'node:net';
import type { buildConnector } from 'undici';
import type { Clock, Timer } from '../core/clock.ts';
import { speaksHttp2 } from './ending-silence.ts';

/** Makes the connections of a pool; one it can make ahead, which then waits for the first call. */
export class FirstConnection {
  readonly #connect: buildConnector.connector;
  readonly #clock: Clock;
  readonly #idleMs: number;
  #ahead: Promise<Socket> | undefined;
  #expiry: Timer | undefined;
  #closed = false;

  constructor(connect: buildConnector.connector, clock: Clock, idleMs: number) {
    this.#connect = connect;
    this.#clock = clock;
    this.#idleMs = idleMs;
  }

  /** What the pool connects with. */
  readonly connector: buildConnector.connector = (options, done) => {
    const ahead = this.#take();
    if (ahead === undefined) {
      this.#connect(options, done);
      return;
    }
    ahead.then(
      (socket) => {
        if (usable(socket)) done(null, socket.ref());
        else this.#connect(options, done);
      },
      (error: Error) => done(error, null),
    );
  };

  /** Connects now, unless that was done and nobody took it. Settles when the connection stands or cannot be made; it is closed when no call comes for it. */
  async makeAhead(options: buildConnector.Options): Promise<void> {
    if (this.#closed || this.#ahead !== undefined) return;
    const ahead = new Promise<Socket>((resolve, reject) => {
      this.#connect(options, (error, socket) => (error === null ? resolve(socket) : reject(error)));
    });
    this.#ahead = ahead;
    const socket = await ahead.catch(() => undefined);
    if (this.#ahead !== ahead) return; // it was taken while it was being made
    if (socket === undefined || !usable(socket)) {
      this.#drop();
      return;
    }
    socket.unref(); // the process does not wait for it
    socket.once('close', () => {
      if (this.#ahead === ahead) this.#drop();
    });
    this.#expiry = this.#clock.background(this.#idleMs, () => this.#drop());
  }

  /** Closes what was made ahead, and makes no more. */
  close(): void {
    this.#closed = true;
    this.#drop();
  }

  #drop(): void {
    this.#take()?.then(
      (socket) => socket.destroy(),
      () => {},
    );
  }

  #take(): Promise<Socket> | undefined {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    this.#expiry?.cancel();
    return ahead;
  }
}

/** A server of HTTP/1.1 that speaks before it is asked wants to end it. One of HTTP/2 begins with its settings. */
function usable(socket: Socket): boolean {
  if (socket.destroyed || !socket.writable) return false;
  return socket.readableLength === 0 || speaksHttp2(socket);
}
