import type { Redis } from 'ioredis';
import type { Timer } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import { repeat } from '../../core/repeat.ts';
import type { Reach } from '../reach.ts';
import type { RegistryScope } from '../registry.ts';
import { causeOf } from './cause-of.ts';
import { type ConnectionUser, type ListeningUser, listens } from './connection-user.ts';
import { evictionRisk } from './eviction.ts';
import { inOneWrite } from './one-write.ts';
import { openListener } from './open-listener.ts';
import { isPermanent, isUnknownScript } from './redis-errors.ts';
import type { Script } from './scripts.ts';
import { Subscriptions } from './subscriptions.ts';

/** Short enough that the silence of a server is noticed within 3 s, its socket's 2 s included. */
const PING_MS = 900;
/** When the node of a Cluster that was listened to is lost. */
const LISTEN_AGAIN_MS = 1_000;
/** A ping that comes later than this was not late: the process was stopped, or did something else all the time. */
const ASLEEP_MS = 5_000;
/** How long there may be no word of a connection at all; trying to connect takes 2 s at most. */
const SILENT_MS = 2_500;
const PART = 'connection';
const MEMORY = 'memory';

/** The one connection of a registry: it comes back by itself, and tells its users when it stands and when it is lost. */
export class Connection {
  readonly #scope: RegistryScope;
  readonly #reach: Reach;
  readonly #users = new Set<ConnectionUser>();
  /** Those who listen, by their channel. */
  readonly #ears = new Map<string, ListeningUser>();
  readonly #subscriptions: Subscriptions;
  readonly #pings: Timer;
  #listening: Timer | undefined;
  readonly #silence: Timer;
  #pingedAt: number;
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
    this.#subscriptions = new Subscriptions(scope, reach, (user) => void this.#subscribe(user, false));
    this.#pings = repeat(
      scope.clock,
      () => PING_MS,
      () => this.#ping(),
    );
    this.#pingedAt = scope.clock.now();
    // A server that loads its data lets everybody in and answers nobody.
    this.#silence = scope.clock.background(SILENT_MS, () => {
      if (!this.#ready && this.#reason === undefined) this.#down(new Error('connected, and no answer yet'));
    });
    open()
      .then((client) => this.#connect(client))
      .catch((error: unknown) => this.#down(error));
  }

  get ready(): boolean {
    return this.#ready;
  }

  /** How many of its users have to ask, because the server refuses to tell them. */
  get deaf(): number {
    return this.#subscriptions.refused;
  }

  /** Adds a user, and tells it how things stand; the function returned takes it away. */
  use(user: ConnectionUser): () => void {
    this.#users.add(user);
    if (listens(user)) this.#ears.set(user.channel, user);
    if (this.#ready) this.#welcome(user, true);
    else if (this.#reason !== undefined) user.lost(this.#reason);
    return () => {
      this.#users.delete(user);
      if (!listens(user) || this.#ears.get(user.channel) !== user) return;
      this.#ears.delete(user.channel);
      this.#subscriptions.forget(user);
      if (this.#ready) this.#listener?.unsubscribe(user.channel).catch(() => {}); // what still comes has no user
    };
  }

  /** Runs a script. Rejects at once while there is no connection, else a second after it was sent. */
  async run(script: Script, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    const client = this.#usable();
    inOneWrite(client);
    try {
      return await client.evalsha(script.sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (!isUnknownScript(error)) throw error;
      inOneWrite(client);
      return client.eval(script.lua, keys.length, ...keys, ...args);
    }
  }

  /** What a hash holds under these fields, in their order. */
  async fields(key: string, fields: readonly string[]): Promise<readonly (string | null)[]> {
    return this.#usable().hmget(key, ...fields);
  }

  /** The members of a sorted set, lowest first. */
  async members(key: string): Promise<readonly string[]> {
    return this.#usable().zrange(key, 0, '-1');
  }

  close(): void {
    this.#closed = true;
    this.#ready = false;
    this.#pings.cancel();
    this.#listening?.cancel();
    this.#silence.cancel();
    this.#subscriptions.clear();
    this.#users.clear();
    this.#ears.clear();
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
    client.on('close', () => {
      // Only this ends a time: what was asked before a mere silence or error is answered yet.
      this.#session++;
      this.#down(failure ?? new Error('the connection was closed'));
    });
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
    for (const user of this.#users) this.#welcome(user, fresh);
    void this.#lookAtMemory(client);
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
    const known = !this.#ready && this.#reason === reason;
    this.#ready = false;
    this.#reason = reason;
    this.#subscriptions.clear();
    if (this.#listener !== this.#client) this.#listener?.disconnect();
    this.#listener = undefined;
    this.#reach.lost(PART, reason, isPermanent(error));
    if (!known) for (const user of this.#users) user.lost(reason);
  }

  #welcome(user: ConnectionUser, fresh: boolean): void {
    if (listens(user)) void this.#subscribe(user, fresh);
    else user.ready(fresh, false);
  }

  /** Subscribes before it says `ready`, so that whoever reads after that misses nothing. */
  async #subscribe(user: ListeningUser, fresh: boolean): Promise<void> {
    const session = this.#session;
    const present = () => session === this.#session && !this.#closed && this.#users.has(user);
    try {
      await this.#listener?.subscribe(user.channel);
    } catch (error) {
      if (present()) this.#subscriptions.failed(user, fresh, error);
      return;
    }
    if (!present()) return;
    this.#subscriptions.stands(user);
    user.ready(fresh, true);
  }

  /** Asked anew at each connection, which may be to another server. Whoever may not ask is not warned. */
  async #lookAtMemory(client: Redis): Promise<void> {
    const session = this.#session;
    const info = await client.info('memory').catch(() => '');
    if (session !== this.#session || this.#closed) return;
    const risk = evictionRisk(info);
    if (risk === undefined) this.#reach.forget(MEMORY);
    else this.#reach.limited(MEMORY, risk);
  }

  readonly #message = (channel: string, text: string): void => {
    this.#ears.get(channel)?.message(text);
  };

  /** The socket closes when a reply stays away, so an idle one must be made to expect one. */
  #ping(): void {
    const now = this.#scope.clock.now();
    const late = now - this.#pingedAt - PING_MS;
    this.#pingedAt = now;
    if (!this.#ready) return;
    for (const client of new Set([this.#client, this.#listener])) client?.ping().catch(() => {}); // what matters is the socket
    // Who slept does not know what it missed: owners beat, and readers ask, before anything is concluded from what they have.
    if (late > ASLEEP_MS) for (const user of this.#users) this.#welcome(user, false);
  }
}
