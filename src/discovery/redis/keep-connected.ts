import type { Clock, Timer } from '../../core/clock.ts';
import type { ReconnectWaits } from './reconnect-waits.ts';

/** What is needed of a client of ioredis, be it for one server or a Cluster. */
export interface Reconnectable {
  on(event: 'ready' | 'end', listener: () => void): unknown;
  connect(): Promise<void>;
  disconnect(reconnect?: boolean): void;
}

/** When to connect anew, and what is done before. */
export interface Reconnecting {
  readonly clock: Clock;
  readonly waits: ReconnectWaits;
  /** Resolves when a connect may begin; never rejects. */
  readonly prepare: () => Promise<void>;
}

/**
 * Connects a client anew whenever it came to its end, until somebody disconnects it for good. ioredis could do so itself, but it does not come
 * back when no Sentinel answers, cannot wait for a password, and its timers hold the process.
 */
export function keepConnected(client: Reconnectable, { clock, waits, prepare }: Reconnecting): void {
  let attempt = 0;
  let closed = false;
  let timer: Timer | undefined;

  async function connect(): Promise<void> {
    await prepare();
    if (!closed) await client.connect();
  }

  client.on('ready', () => {
    attempt = 0;
  });
  client.on('end', () => {
    if (closed) return;
    timer?.cancel();
    timer = clock.background(waits(++attempt), () => {
      connect().catch(() => {}); // another 'end' follows
    });
  });
  const disconnect = client.disconnect.bind(client);
  client.disconnect = (reconnect) => {
    closed ||= reconnect !== true;
    if (closed) timer?.cancel();
    disconnect(reconnect);
  };
}
