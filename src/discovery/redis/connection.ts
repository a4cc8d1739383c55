import type { Redis } from 'ioredis';
import type { Timer } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import { repeat } from '../../core/repeat.ts';
import type { Reach } from '../reach.ts';
import type { RegistryScope } from '../registry.ts';
import { causeOf } from './cause-of.ts';
import { openListener } from './open-listener.ts';
import { isPermanent, isUnknownScript } from './redis-errors.ts';
import type { Script } from './scripts.ts';

/** Whoever depends on the connection. */
export interface ConnectionUser {
  /** The channel it listens on, if it does; of no other user. */
  readonly channel?: string;
  /** The connection stands, and the channel is subscribed. `fresh` unless many processes may be returning at the same moment. */
  ready(fresh: boolean): void;
  /** Until the next `ready` nothing can be done; `reason` is for people. */
  lost(reason: string): void;
  message?(text: string): void;
}

/** Short enough that the silence of a server is noticed within 3 s, its socket's 2 s included. */
const PING_MS = 900;
const SUBSCRIBE_AGAIN_MS = 2_000;
const LISTEN_AGAIN_MS = 1_000;
const PART = 'connection';

/** The one connection of a registry: it comes back by itself, and tells its users when it stands and when it is lost. */
export class Connection {
  readonly #scope: RegistryScope;
  readonly #reach: Reach;
  readonly #users = new Set<ConnectionUser>();
  /** Those whose subscription the server refused. */
  readonly #waiting = new Set<ConnectionUser>();
  readonly #pings: Timer;
  #again: Timer | undefined;
  #listening: Timer | undefined;
  #client: Redis | undefined;
  /** What listens: the client itself, or a second one when the server speaks only RESP2. */
  #listener: Redis | undefined;
  /** Counts the times it stood or fell, so that an answer to an older time is told from one to this. */
  #session = 0;
  #ready = false;
  #returning = false;
  /** Why it is lost; `undefined` before the first attempt came to an end. */
  #reason: string | undefined;
  #closed = false;

  constructor(open: () => Promise<Redis>, scope: RegistryScope, reach: Reach) {
    this.#scope = scope;
    this.#reach = reach;
    this.#pings = repeat(
      scope.clock,
      () => PING_MS,
      () => this.#ping(),
    );
    open()
      .then((client) => this.#connect(client))
      .catch((error: unknown) => this.#down(error));
  }

  get ready(): boolean {
    return this.#ready;
  }

  /** Adds a user, and tells it how things stand; the function returned takes it away. */
  use(user: ConnectionUser): () => void {
    this.#users.add(user);
    if (this.#ready) void this.#welcome(user, true);
    else if (this.#reason !== undefined) user.lost(this.#reason);
    return () => {
      this.#users.delete(user);
      this.#waiting.delete(user);
      if (user.channel === undefined) return;
      this.#reach.forget(user.channel);
      if (this.#ready) this.#listener?.unsubscribe(user.channel).catch(() => {}); // what still comes has no user
    };
  }

  /** Runs a script. Rejects at once while there is no connection, else within a second. */
  async run(script: Script, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    const client = this.#usable();
    try {
      return await client.evalsha(script.sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (!isUnknownScript(error)) throw error;
      return client.eval(script.lua, keys.length, ...keys, ...args);
    }
  }

  /** The members of a sorted set, lowest first. */
  async members(key: string): Promise<readonly string[]> {
    return this.#usable().zrange(key, 0, '-1');
  }

  close(): void {
    this.#closed = true;
    this.#ready = false;
    this.#pings.cancel();
    this.#again?.cancel();
    this.#listening?.cancel();
    this.#users.clear();
    this.#waiting.clear();
    this.#listener?.disconnect();
    this.#client?.disconnect();
  }

  #usable(): Redis {
    if (this.#client === undefined || !this.#ready) throw new Error(this.#reason ?? 'not connected yet');
    return this.#client;
  }

  #connect(client: Redis): void {
    if (this.#closed) return;
    this.#client = client;
    let failure: unknown;
    client.on('error', (error: unknown) => {
      failure = causeOf(error);
      // Where no Sentinel answers, nothing was opened, and so nothing closes.
      if (!this.#ready) this.#down(failure);
    });
    client.on('connect', () => {
      failure = undefined;
    });
    client.on('ready', () => {
      // ioredis goes on in another database when the right one is refused.
      if (failure === undefined) void this.#up(client);
      else client.disconnect(true);
    });
    client.on('close', () => this.#down(failure ?? new Error('the connection was closed')));
    client.on('message', this.#message);
    client.connect().catch(() => {}); // said by 'error' and 'close', and tried again by the client
  }

  async #up(client: Redis): Promise<void> {
    const session = ++this.#session;
    try {
      const { random } = this.#scope;
      const lost = (gone: Redis) => this.#listenerLost(client, gone);
      const listener = await openListener(client, { random, message: this.#message, lost });
      if (session !== this.#session || this.#closed) {
        if (listener !== client) listener.disconnect();
        return;
      }
      this.#listener = listener;
    } catch {
      if (session === this.#session && !this.#closed) client.disconnect(true);
      return;
    }
    this.#ready = true;
    this.#reach.back(PART);
    const fresh = !this.#returning;
    this.#returning = true;
    for (const user of this.#users) void this.#welcome(user, fresh);
  }

  /** The client stands, but messages are missed until another node is listened to. Many processes lost the same node. */
  #listenerLost(client: Redis, listener: Redis): void {
    if (listener !== this.#listener) return;
    this.#listening?.cancel();
    this.#listening = this.#scope.clock.background(this.#scope.random() * LISTEN_AGAIN_MS, () => {
      if (listener === this.#listener) void this.#up(client);
    });
  }

  #down(error: unknown): void {
    if (this.#closed) return;
    const reason = messageOf(error);
    this.#session++;
    const known = !this.#ready && this.#reason === reason;
    this.#ready = false;
    this.#reason = reason;
    this.#waiting.clear();
    if (this.#listener !== this.#client) this.#listener?.disconnect();
    this.#listener = undefined;
    this.#reach.lost(PART, reason, isPermanent(error));
    if (!known) for (const user of this.#users) user.lost(reason);
  }

  /** Subscribes before it says `ready`, so that whoever reads after that misses nothing. */
  async #welcome(user: ConnectionUser, fresh: boolean): Promise<void> {
    const session = this.#session;
    const present = () => session === this.#session && !this.#closed && this.#users.has(user);
    const { channel } = user;
    if (channel !== undefined) {
      try {
        await this.#listener?.subscribe(channel);
      } catch (error) {
        if (present()) this.#refused(user, channel, error);
        return;
      }
      if (!present()) return;
      this.#reach.back(channel);
    }
    user.ready(fresh);
  }

  #refused(user: ConnectionUser, channel: string, error: unknown): void {
    this.#waiting.add(user);
    this.#reach.lost(channel, messageOf(error), isPermanent(error));
    user.lost(messageOf(error));
    this.#again ??= this.#scope.clock.background(SUBSCRIBE_AGAIN_MS, () => {
      this.#again = undefined;
      for (const one of this.#waiting) void this.#welcome(one, false);
      this.#waiting.clear();
    });
  }

  readonly #message = (channel: string, text: string): void => {
    for (const user of this.#users) if (user.channel === channel) user.message?.(text);
  };

  /** The socket closes when a reply stays away, so an idle one must be made to expect one. */
  #ping(): void {
    if (!this.#ready) return;
    for (const client of new Set([this.#client, this.#listener])) client?.ping().catch(() => {}); // what matters is the socket
  }
}
