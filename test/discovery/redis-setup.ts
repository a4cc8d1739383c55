import { connect } from 'node:net';
import { test as anyTest } from 'vitest';
import type { Clock } from '../../src/core/clock.ts';
import type { RedisRegistryFields } from '../../src/discovery/redis/options.ts';
import { type OpenRegistry, redisRegistries, threePlayers } from '../support/redis-registries.ts';
import { ownRedis, type RedisServer } from '../support/redis-server.ts';
import { startProxy } from '../support/tcp-proxy.ts';
import { instanceOf, type TestScope } from './setup.ts';

export { follow, ids } from '../support/redis-registries.ts';

/** For tests that break a server, which has to be one of our own. */
export const test = anyTest.skipIf(!ownRedis);

/** What the keys of players begin with. */
export const KEY = 'mesh:v1:{default/players}:';

const registries = redisRegistries();
export const { afterwards } = registries;

/** Registries on one server: they come back within 100 ms; beats of 100 ms, leases of 500 ms, and so a hold of 250 ms and a grace of 500 ms. */
export function setup(server: RedisServer) {
  afterwards(() => server.close());
  const open = (options: RedisRegistryFields = {}, clock?: Clock) => {
    const where = options.client === undefined ? { url: server.url } : {};
    return registries.open({ ...where, leaseMs: 500, ...options }, clock);
  };
  return {
    open,
    /** A registry behind a proxy of its own. */
    async openBehindProxy(options: RedisRegistryFields = {}, clock?: Clock) {
      const proxy = await registries.started(startProxy(server.port));
      return { proxy, ...open({ url: `redis://127.0.0.1:${proxy.port}`, ...options }, clock) };
    },
  };
}

/** How many records of players Redis has. */
export async function listed(server: RedisServer): Promise<number> {
  return Number((await server.command('HLEN', `${KEY}i`)).slice(1));
}

/** What was said of the registry, in short: `connected`, `lost`, `limited!` with a mark where a person is needed. */
export function said(scope: TestScope): string {
  return scope
    .seen('registry')
    .map(({ state, permanent }) => `${state}${permanent ? '!' : ''}`)
    .join(' ');
}

/** A figure of a registry. */
export function figure(name: string, { registry, scope }: OpenRegistry): number {
  return scope.metrics.value(name, { registry: registry.name });
}

/** How often each command was run since the server started or `CONFIG RESETSTAT`, those inside scripts as well. */
export async function commandCounts(server: RedisServer): Promise<ReadonlyMap<string, number>> {
  const stats = await server.command('INFO', 'commandstats');
  return new Map([...stats.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)].map(([, name, n]) => [`${name}`, Number(n)]));
}

/** What is sent to a server from now on, as it comes: from where, and the words. */
export async function monitor(server: RedisServer): Promise<readonly { from: string; words: readonly string[] }[]> {
  const sent: { from: string; words: readonly string[] }[] = [];
  const socket = connect(server.port, '127.0.0.1', () => socket.write('MONITOR\r\n'));
  afterwards(async () => socket.destroy());
  let rest = '';
  socket.setEncoding('utf8').on('error', () => {});
  const monitoring = new Promise((resolve) => socket.once('data', resolve));
  socket.on('data', (text: string) => {
    const lines = (rest + text).split('\r\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const from = /^\+[\d.]+ \[\d+ (\S+)\]/.exec(line)?.[1];
      const words = [...line.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, word]) => `${word}`);
      if (from !== undefined) sent.push({ from, words });
    }
  });
  await monitoring;
  return sent;
}

/** Writes records as owners would that never beat again. */
export async function putRecords(server: RedisServer, all: readonly string[], leaseMs: number): Promise<void> {
  for (const id of all) {
    await server.command('HSET', `${KEY}i`, id, `1|${JSON.stringify(instanceOf({ id }))}`);
    await server.command('ZADD', `${KEY}l`, Date.now() + leaseMs, id);
  }
  await server.command('HSET', `${KEY}h`, 'epoch', 'by hand', 'rev', all.length);
}

/** A service of three, and a caller that knows them. */
export async function setupThree(server: RedisServer) {
  const { open, openBehindProxy } = setup(server);
  const owner = open();
  const caller = open();
  const { players, announcements } = await threePlayers(owner, caller);
  return { open, openBehindProxy, owner, caller, players, announcements };
}
