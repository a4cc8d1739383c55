import { Redis } from 'ioredis';
import { test as anyTest, expect } from 'vitest';
import { ids, type OpenRegistry, redisRegistries, states } from '../support/redis-registries.ts';
import { ownRedis } from '../support/redis-server.ts';
import { ownCertificates, secureRedis } from '../support/redis-tls.ts';
import { eventually, instanceOf, watched } from './setup.ts';

const test = anyTest.skipIf(!ownRedis || !ownCertificates);
const { started, open } = redisRegistries();

async function works({ registry }: OpenRegistry): Promise<void> {
  const watch = registry.watch('players', () => {});
  const announcement = registry.announce(instanceOf());
  await eventually(
    () => ids(watch) === 'players-1' && announcement.state === 'announced',
    () => [watch.view, announcement.state],
  );
}

test('Redis is spoken to in TLS, by a rediss:// URL, by options, and like a client of the application', async () => {
  const { server, url, port, ca } = await started(secureRedis());
  await works(open({ url, tls: { ca }, namespace: 'a' }));
  await works(open({ connection: { host: 'localhost', port, tls: { ca } }, namespace: 'b' }));
  await works(open({ client: new Redis(url, { tls: { ca }, lazyConnect: true }), namespace: 'c' }));
  const list = (await server.command('CLIENT', 'LIST')).split('\n').filter((line) => line.includes('name=heddle'));
  expect(list.map((line) => / laddr=\S+:(\d+) /.exec(line)?.[1])).toEqual(Array(3).fill(`${port}`));
});

test.each([
  ['signed by nobody that is trusted', (ca: string) => ({ ca }), /self.signed|unable to verify|unable to get/i],
  [
    'of another name',
    (_: string, ca: string) => ({ ca, servername: 'elsewhere.example' }),
    /Hostname\/IP does not match/,
  ],
] as const)(
  'a server with a certificate %s is refused: it is said once that this takes a person',
  async (_, tls, reason) => {
    const { server, url, ca, otherCa } = await started(secureRedis());
    const one = open({ url, tls: tls(otherCa, ca), reconnectMs: 10 });
    const watch = one.registry.watch('players', () => {});
    const announcement = one.registry.announce(instanceOf());
    await eventually(
      () => watch.view.state === 'stale' && announcement.state === 'retrying',
      () => watch.view,
    );
    expect(watch.view.reason).toMatch(reason);
    const tries = async () =>
      Number(/total_connections_received:(\d+)/.exec(await server.command('INFO', 'stats'))?.[1]);
    const before = await tries();
    const now = watched(tries);
    await eventually(() => (now() ?? 0) > before + 20, now);
    expect(states(one)).toBe('lost for good');
    expect(one.scope.metrics.value('registry_blocked', { registry: one.registry.name })).toBe(1);
  },
);

test('a server that asks for a certificate of the client gets it, and refuses who has none', async () => {
  const { url, ca, client } = await started(secureRedis(true));
  await works(open({ url, tls: { ca, ...client } }));
  const without = open({ url, tls: { ca } });
  const watch = without.registry.watch('players', () => {});
  await eventually(
    () => states(without).includes('for good'),
    () => [watch.view, states(without)],
  );
  expect(watch.view.reason).toMatch(/certificate required/i);
});

test('who speaks in the clear to a port for TLS, or the other way round, is told so and heals nothing by itself', async () => {
  const { server, port, ca } = await started(secureRedis());
  for (const place of [
    { url: `redis://127.0.0.1:${port}` },
    { url: `rediss://127.0.0.1:${server.port}`, tls: { ca } },
  ]) {
    const { registry } = open(place);
    const watch = registry.watch('players', () => {});
    await eventually(
      () => watch.view.state === 'stale',
      () => watch.view,
    );
    expect(watch.view.reason).not.toBe('');
  }
});
