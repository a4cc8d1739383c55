import { Cluster, Redis } from 'ioredis';
import { afterEach, expect, expectTypeOf, test } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { redisRegistry } from '../../src/discovery/redis/entry.ts';
import { openClient } from '../../src/discovery/redis/open-client.ts';
import { type RedisRegistryFields, resolveRedisOptions } from '../../src/discovery/redis/options.ts';
import { createScope } from './setup.ts';

const clients: { disconnect(): void }[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.disconnect();
});

/** The options with which ioredis would connect. */
async function optionsOf(given: RedisRegistryFields) {
  const client = await openClient(resolveRedisOptions('registry', given), createScope());
  clients.push(client);
  return client.options;
}

const refused = (given: unknown) => () => resolveRedisOptions('registry', given as RedisRegistryFields); // as JavaScript may call it

test('a URL says host, port, database, user and password, and nothing else', async () => {
  const url = 'redis://mesh:p%2Fss@[::1]:7000/2?enableOfflineQueue=true&commandTimeout=99999';
  expect(await optionsOf({ url })).toMatchObject({
    host: '::1',
    port: 7000,
    db: 2,
    username: 'mesh',
    password: 'p/ss',
    enableOfflineQueue: false,
    commandTimeout: 1_000,
  });
  expect(resolveRedisOptions('registry', { url }).name).toBe('redis://[::1]:7000/2');
  expect(await optionsOf({ url: 'redis://127.0.0.1' })).toMatchObject({ port: 6379, db: 0, username: null });
  expect(await optionsOf({ url: 'rediss://redis.example' })).toMatchObject({ host: 'redis.example', tls: {} });
  expect(await optionsOf({ url: 'rediss://redis.example', tls: { ca: 'mine' } })).toMatchObject({
    tls: { ca: 'mine' },
  });
});

test.each([
  [{}, 'registry must be given exactly one of url, connection, cluster and client, not an object'],
  [
    { url: 'redis://a', connection: { host: 'a' } },
    'registry must be given exactly one of url, connection, cluster and client',
  ],
  [{ url: 'http://a' }, "registry.url must be a URL such as 'redis://127.0.0.1:6379', not 'http://a'"],
  [
    { url: 'redis://u:secret@a/x' },
    "registry.url must be a URL that ends with its host, or the number of a database: '/2', not 'redis://a/x'",
  ],
  [
    { url: 'redis://u:%secret@a' },
    "registry.url has a user or a password with a '%' that is not followed by two hex digits",
  ],
  [{ url: 'redis://a', tls: {} }, "registry.url must be a rediss:// URL when tls is given, not 'redis://a'"],
  [
    { connection: { host: 'a' }, tls: {} },
    'registry.tls must be given with a url; a connection and a cluster have their own',
  ],
  ['redis://u:secret@a', "registry must be an object, not 'redis://a'"],
  [{ connection: 'redis://u:secret@a' }, "registry.connection must be an object, not 'redis://a'"],
  [{ client: 'redis://u:secret@a' }, "registry.client must be a client of ioredis, not 'redis://a'"],
  [{ connection: { port: 0 } }, 'registry.connection.port must be an integer from 1 to 65535, not 0'],
  [{ connection: { db: -1 } }, 'registry.connection.db must be an integer of at least 0, not -1'],
  [{ connection: { sentinels: [], name: 'mesh' } }, 'registry.connection.sentinels must be a list that is not empty'],
  [
    { connection: { sentinels: [{ host: 'a' }] } },
    'registry.connection.name must be a string that is not empty, not undefined',
  ],
  [{ connection: { retryStrategy: null } }, "registry.connection has no option 'retryStrategy'; it knows username, "],
  [{ connection: { enableOfflineQueue: true } }, "registry.connection has no option 'enableOfflineQueue'"],
  [{ cluster: { nodes: [] } }, 'registry.cluster.nodes must be a list that is not empty, not an array'],
  [{ cluster: { nodes: ['a:1'] } }, "registry.cluster.nodes[0] must be an object, not 'a:1'"],
  [
    { cluster: { nodes: [{ host: 'a', port: 70_000 }] } },
    'registry.cluster.nodes[0].port must be an integer from 1 to 65535',
  ],
  [
    { cluster: { nodes: [{ host: 'a' }], clusterRetryStrategy: null } },
    "registry.cluster has no option 'clusterRetryStrategy'",
  ],
  [{ client: {} }, 'registry.client must be a client of ioredis, not an object'],
  [
    { url: 'redis://a', credentials: 'secret' },
    'registry.credentials must be a function that resolves to user and password',
  ],
  [
    { url: 'redis://a', reconnectMs: 0 },
    'registry.reconnectMs must be a number of milliseconds from 1 to 60000, not 0',
  ],
])('%j is refused, and it is said why', (given, message) => {
  expect(refused(given)).not.toThrow(/secret/);
  expect(refused(given)).toThrow(message);
});

test('what does not fit together does not compile', () => {
  const one = redisRegistry({ url: 'rediss://a', tls: { ca: 'mine' }, namespace: 'blue' });
  expectTypeOf(one).toBeFunction();
  redisRegistry({ connection: { sentinels: [{ host: 'a', port: 26_379 }], name: 'mesh', tls: {} } });
  redisRegistry({ cluster: { nodes: [{ host: 'a' }], natMap: {} }, credentials: async () => ({ password: 'x' }) });
  redisRegistry({ client: new Cluster([{ host: '127.0.0.1' }], { lazyConnect: true }) });
  const wrong = [
    // @ts-expect-error: no place
    () => redisRegistry({ namespace: 'blue' }),
    // @ts-expect-error: two places
    () => redisRegistry({ url: 'redis://a', connection: { host: 'a' } }),
    // @ts-expect-error: a connection has its own tls
    () => redisRegistry({ connection: { host: 'a' }, tls: {} }),
    // @ts-expect-error: how often and how long to wait is the mesh's to say
    () => redisRegistry({ connection: { host: 'a', maxRetriesPerRequest: null } }),
    // @ts-expect-error: and what to do while Redis is away
    () => redisRegistry({ connection: { host: 'a', enableOfflineQueue: true } }),
    // @ts-expect-error: a node of a Cluster is no text
    () => redisRegistry({ cluster: { nodes: ['a:6379'] } }),
    // @ts-expect-error: not a client
    () => redisRegistry({ client: { get: () => 1 } }),
    // @ts-expect-error: credentials without a password
    () => redisRegistry({ url: 'redis://a', credentials: () => ({ username: 'mesh' }) }),
  ];
  for (const call of wrong.slice(0, -1)) expect(call).toThrow(/^redisRegistry/);
});

test('no client of the application can undo a limit of the mesh', async () => {
  const loose = {
    lazyConnect: true,
    keyPrefix: 'app:',
    enableOfflineQueue: true,
    maxRetriesPerRequest: null,
    commandTimeout: 60_000,
    replyMapping: 'resp3',
    stringNumbers: true,
    readOnly: true,
    enableReadyCheck: false,
    maxLoadingRetryTime: 60_000,
    disconnectTimeout: 60_000,
    role: 'slave',
    failoverDetector: true,
    monitor: true,
    enableAutoPipelining: true,
    sentinelRetryStrategy: () => 1,
  } as const;
  const limits = {
    keyPrefix: '',
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    commandTimeout: 1_000,
    socketTimeout: 2_000,
    connectTimeout: 2_000,
    replyMapping: 'legacy',
    stringNumbers: false,
    readOnly: false,
    autoResubscribe: false,
    enableReadyCheck: true,
    maxLoadingRetryTime: 1_000,
    disconnectTimeout: 250,
    role: 'master',
    failoverDetector: false,
    monitor: false,
    enableAutoPipelining: false,
    disableClientInfo: true,
    sentinelCommandTimeout: 1_000,
  };
  const client = new Redis({ ...loose, host: '127.0.0.2' });
  const copy = await optionsOf({ client });
  expect(copy).toMatchObject({ ...limits, host: '127.0.0.2' });
  expect([copy.retryStrategy?.(1), copy.sentinelRetryStrategy?.(1)]).toEqual([null, null]);
  expect(client.options).toMatchObject({ keyPrefix: 'app:', enableOfflineQueue: true });

  const cluster = new Cluster([{ host: '127.0.0.2' }], {
    lazyConnect: true,
    enableOfflineQueue: true,
    scaleReads: 'slave',
    redisOptions: { keyPrefix: 'app:', commandTimeout: 60_000, password: 'theirs' },
  });
  expect(await optionsOf({ client: cluster })).toMatchObject({
    enableOfflineQueue: false,
    keyPrefix: '',
    scaleReads: 'master',
    redisOptions: { ...limits, password: 'theirs' },
  });
});

test('a server that says READONLY or NOAUTH again and again costs one connection in 5 s', async () => {
  let now = 0;
  const clock = { ...systemClock, now: () => now };
  const options = resolveRedisOptions('registry', { url: 'redis://127.0.0.1' });
  const client = await openClient(options, createScope(clock));
  clients.push(client);
  const anew = (message: string) => client.options.reconnectOnError?.(new Error(message));
  expect([anew('OOM command not allowed'), anew("READONLY You can't write"), anew('NOAUTH')]).toEqual([
    false,
    true,
    false,
  ]);
  now = 5_000;
  expect([anew('NOAUTH Authentication required.'), anew('READONLY')]).toEqual([true, false]);
});

test('Sentinels with tls name a server that is spoken to in TLS as well', async () => {
  const sentinels = [{ host: '127.0.0.1', port: 1 }];
  expect(await optionsOf({ connection: { sentinels, name: 'mesh', tls: {} } })).toMatchObject({
    enableTLSForSentinelMode: true,
  });
  expect(await optionsOf({ connection: { sentinels, name: 'mesh' } })).toMatchObject({
    enableTLSForSentinelMode: false,
  });
  expect(resolveRedisOptions('registry', { connection: { sentinels, name: 'mesh' } }).name).toBe('redis-sentinel:mesh');
});

test('an option that is undefined is as good as none', async () => {
  const given = { connection: { host: '127.0.0.2', keepAlive: undefined, connectionName: undefined } };
  expect(await optionsOf(given)).toMatchObject({
    host: '127.0.0.2',
    port: 6379,
    keepAlive: 5_000,
    connectionName: 'heddle',
  });
});
