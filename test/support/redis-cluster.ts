import { eventually, watched } from '../discovery/setup.ts';
import { freePort } from './free-port.ts';
import { type RedisServer, startRedis } from './redis-server.ts';

/** A Cluster of three masters with a third of the slots each, and perhaps a replica of the first. */
export interface RedisClusterServers {
  readonly masters: readonly RedisServer[];
  readonly replica: RedisServer | undefined;
  /** The index of the master that keeps a key. */
  keeperOf(key: string): Promise<number>;
  close(): Promise<void>;
}

const SLOTS = 16_384;

/** `args` are further words for the command line of each node. */
export async function redisCluster(withReplica: boolean, args: readonly string[] = []): Promise<RedisClusterServers> {
  const node = async () => {
    const own = ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1', '--cluster-node-timeout', '1000'];
    const bus = await freePort();
    return {
      server: await startRedis([...own, '--cluster-port', `${bus}`, '--repl-diskless-sync-delay', '0', ...args]),
      bus,
    };
  };
  const nodes = [await node(), await node(), await node(), ...(withReplica ? [await node()] : [])];
  const [first, , , last] = nodes;
  const masters = nodes.slice(0, 3).map(({ server }) => server);
  const share = Math.ceil(SLOTS / masters.length);
  for (const [i, master] of masters.entries()) {
    await master.command('CLUSTER', 'ADDSLOTSRANGE', i * share, Math.min(SLOTS, (i + 1) * share) - 1);
    await master.command('CLUSTER', 'SET-CONFIG-EPOCH', i + 1);
  }
  for (const { server, bus } of nodes.slice(1))
    await first?.server.command('CLUSTER', 'MEET', '127.0.0.1', server.port, bus);
  const state = watched(() => Promise.all(nodes.map(({ server }) => server.command('CLUSTER', 'INFO'))));
  const whole = (info: string) =>
    info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${nodes.length}`);
  await eventually(() => state()?.every(whole) ?? false, state, 20_000);
  if (last !== undefined && first !== undefined) await copyFirst(first.server, last.server);
  return {
    masters,
    replica: last?.server,
    keeperOf: async (key) => {
      const slot = Number((await masters[0]?.command('CLUSTER', 'KEYSLOT', key))?.slice(1));
      return Math.floor(slot / share);
    },
    close: async () => {
      await Promise.all(nodes.map(({ server }) => server.close()));
    },
  };
}

async function copyFirst(first: RedisServer, last: RedisServer): Promise<void> {
  const [, id = ''] = (await first.command('CLUSTER', 'MYID')).split('\r\n');
  await last.command('CLUSTER', 'REPLICATE', id);
  const info = watched(() => last.command('INFO', 'replication'));
  await eventually(() => /master_link_status:up/.test(info() ?? ''), info, 20_000);
}
