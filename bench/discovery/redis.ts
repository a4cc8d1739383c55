import { Redis } from 'ioredis';
import { type RedisServer, startRedis } from '../../test/support/redis-server.ts';

/** A Redis of a part, and a connection to ask it what it did. */
export interface MeasuredRedis {
  readonly server: RedisServer;
  readonly client: Redis;
  /** The numbers of one section of INFO. */
  info(section: string): Promise<(name: string) => number>;
  /** CPU seconds that the server has used so far. */
  cpuSeconds(): Promise<number>;
  /** Connects again, to a server that was started again. */
  again(): Promise<void>;
  close(): Promise<void>;
}

export async function measuredRedis(): Promise<MeasuredRedis> {
  const server = await startRedis();
  let client = await connected(server);
  const info = async (section: string) => {
    const text = await client.info(section);
    const numbers = new Map(
      text.split('\r\n').map((line): [string, number] => [line.split(':')[0] ?? '', Number(line.split(':')[1])]),
    );
    return (name: string) => numbers.get(name) ?? Number.NaN;
  };
  return {
    server,
    get client() {
      return client;
    },
    info,
    async cpuSeconds() {
      const of = await info('cpu');
      return of('used_cpu_sys') + of('used_cpu_user');
    },
    async again() {
      client.disconnect();
      client = await connected(server);
    },
    async close() {
      client.disconnect();
      await server.close();
    },
  };
}

async function connected({ url }: RedisServer): Promise<Redis> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null });
  client.on('error', () => {}); // what was asked of it rejects
  await client.connect();
  return client;
}
