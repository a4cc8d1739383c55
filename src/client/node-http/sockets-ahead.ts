import type { Agent } from 'node:http';
import type { RequestOptions } from 'node:https';
import { Socket } from 'node:net';
import { checkServerIdentity, TLSSocket } from 'node:tls';
import type { Clock, Timer } from '../../core/clock.ts';
import { CONNECT_TIMEOUT_MS } from '../connect-timeout.ts';
import type { Sender } from './kept-sockets.ts';

/** A connection that waits for its first request. */
interface Ahead {
  readonly socket: Socket;
  readonly sender: Sender;
  /** Closes it, unless it is taken before. */
  expiry: Timer;
}

/**
 * Connections of one agent that are made ahead of a request. They wait outside of it, since it keeps none that served no request, and are handed to it
 * when it would make one.
 */
export class SocketsAhead {
  readonly #agent: Agent;
  readonly #clock: Clock;
  readonly #idleMs: number;
  readonly #connect: Agent['createConnection'];
  /** By what the agent tells connections apart by; one each. */
  readonly #byName = new Map<string, Ahead>();

  /** Replaces the method that the agent makes its connections with, as Node has it for. */
  constructor(agent: Agent, clock: Clock, idleMs: number) {
    this.#agent = agent;
    this.#clock = clock;
    this.#idleMs = idleMs;
    this.#connect = agent.createConnection.bind(agent);
    agent.createConnection = (options, done) => this.#take(options) ?? this.#connect(options, done);
  }

  /** Connects now, unless there is a connection. Settles when it stands or cannot be made; it is closed when no request comes for it. */
  async make(options: RequestOptions, sender: Sender): Promise<void> {
    const name = this.#agent.getName(options);
    const { sockets, freeSockets } = this.#agent;
    if (sender.retired || this.#byName.has(name)) return;
    if (sockets[name]?.length || freeSockets[name]?.length) return;
    const asTheAgent = { ...options, keepAlive: true, noDelay: true };
    const socket = this.#connect(asTheAgent);
    if (!(socket instanceof Socket)) return;
    socket.unref().on('error', ignore); // the process does not wait for it
    const destroy = () => socket.destroy();
    const ahead = { socket, sender, expiry: this.#clock.background(CONNECT_TIMEOUT_MS, destroy) };
    this.#byName.set(name, ahead);
    await new Promise<void>((settle) => {
      socket.once(socket instanceof TLSSocket ? 'secureConnect' : 'connect', () => {
        settle();
        if (this.#byName.get(name) !== ahead) return;
        ahead.expiry.cancel();
        ahead.expiry = this.#clock.background(this.#idleMs, destroy);
      });
      socket.once('close', () => {
        settle();
        if (this.#byName.get(name) === ahead) this.#remove(name, ahead);
      });
    });
  }

  /** One who sent was retired, as all are when the mesh closes: closes what was made for it. */
  letGo(sender: Sender): void {
    for (const ahead of this.#byName.values()) if (ahead.sender === sender) ahead.socket.destroy();
  }

  #take(options: RequestOptions): Socket | undefined {
    if (this.#byName.size === 0 || !provedAsUsual(options)) return undefined;
    const name = this.#agent.getName(options);
    const ahead = this.#byName.get(name);
    if (ahead === undefined) return undefined;
    this.#remove(name, ahead);
    const { socket } = ahead;
    if (usable(socket)) return socket.off('error', ignore).ref();
    socket.destroy();
    return undefined;
  }

  #remove(name: string, { expiry }: Ahead): void {
    this.#byName.delete(name);
    expiry.cancel();
  }
}

/** Some versions of Node do not tell connections apart by who looked at the certificate. */
function provedAsUsual({ checkServerIdentity: own }: RequestOptions): boolean {
  return own === undefined || own === checkServerIdentity;
}

/** A server that speaks before it is asked wants to end it. */
function usable(socket: Socket): boolean {
  return !socket.destroyed && socket.writable && socket.readableLength === 0;
}

function ignore(): void {}
