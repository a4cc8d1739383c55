import { mkdir, rmdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { expect } from 'vitest';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import {
  afterwards,
  commandCounts,
  figure,
  follow,
  ids,
  KEY,
  listed,
  said,
  setup,
  setupThree,
  test,
} from './redis-setup.ts';
import { eventually, instanceOf, watched } from './setup.ts';

test('F13: a password that is wrong is said once, without the password, and heals when it is right', async () => {
  const server = await startRedis(['--requirepass', 'right']);
  const { open } = setup(server);
  const { registry, scope } = open({ url: `redis://:secret@127.0.0.1:${server.port}` });
  const watch = registry.watch('players', () => {});
  await eventually(() => watch.view.state === 'stale');
  expect(watch.view.reason).toMatch(/^WRONGPASS/);
  const announcement = registry.announce(instanceOf());
  await eventually(() => announcement.state === 'retrying');
  const figures = () =>
    ['registry_connected', 'registry_blocked'].map((name) => figure(name, { registry, scope })).join(' ');
  expect(figures()).toBe('0 1');
  const admin = new Redis({ port: server.port, password: 'right' });
  await admin.config('SET', 'requirepass', 'secret');
  admin.disconnect();
  await eventually(
    () => watch.view.state === 'current',
    () => watch.view,
  );
  expect([said(scope), figure('registry_blocked', { registry, scope })]).toEqual(['lost! connected', 0]);
  expect(JSON.stringify([registry.name, scope.seen('registry'), scope.seen('announcement'), watch.view])).not.toContain(
    'secret',
  );
});

/** A connection that was there before Redis turned others away. */
function administrator(server: RedisServer): Redis {
  const admin = new Redis({ port: server.port });
  admin.on('error', () => {});
  afterwards(async () => admin.disconnect());
  return admin;
}

/** One process may do all but listen. */
async function setupDeaf() {
  const server = await startRedis();
  await server.command('ACL', 'SETUSER', 'deaf', 'on', 'nopass', 'allkeys', '+@all', 'resetchannels');
  const { open } = setup(server);
  const owner = open();
  const caller = open({ url: `redis://deaf:any@127.0.0.1:${server.port}` });
  const players = follow(caller.registry, 1);
  owner.registry.announce(instanceOf({ id: 'a' }));
  await eventually(
    () => players.whole,
    () => players.watch.view,
    10_000, // it asks every 5 s
  );
  return { server, owner, caller, players };
}

test('F13: who is not allowed to listen asks instead, says so once, and listens when it is allowed to', async () => {
  const { server, owner, caller, players } = await setupDeaf();
  expect(said(caller.scope)).toBe('connected limited!');
  expect(caller.scope.seen('registry').at(-1)?.reason).toMatch(/asking.*NOPERM/);
  const figures = () =>
    ['registry_connected', 'registry_polling', 'registry_blocked'].map((name) => figure(name, caller));
  expect(figures()).toEqual([1, 1, 1]);
  owner.registry.announce(instanceOf({ id: 'b' }));
  await eventually(
    () => ids(players.watch) === 'a b',
    () => players.watch.view,
    10_000,
  );
  expect([said(caller.scope), players.watch.view.state]).toEqual(['connected limited!', 'current']);
  await server.command('ACL', 'SETUSER', 'deaf', 'allchannels');
  await eventually(
    () => said(caller.scope) === 'connected limited! connected',
    () => said(caller.scope),
    10_000,
  );
  expect(figures()).toEqual([1, 0, 0]);
});

test('F13: who is allowed to listen again is told at once', async () => {
  const { server, owner, caller, players } = await setupDeaf();
  await server.command('ACL', 'SETUSER', 'deaf', 'allchannels');
  await eventually(
    () => figure('registry_polling', caller) === 0,
    () => said(caller.scope),
    10_000,
  );
  // It asks once more within 2 s, so that nothing is missed, if it has not done so yet; the next time is in half a minute.
  const { asOf } = players.watch.view;
  const since = performance.now();
  await eventually(() => players.watch.view.asOf > asOf || performance.now() - since > 2_100);
  owner.registry.announce(instanceOf({ id: 'b' }));
  await eventually(() => ids(players.watch) === 'a b');
});

test('F13: a permission that is taken from an owner is said once, and heals when it is given back', async () => {
  const server = await startRedis();
  await server.command('ACL', 'SETUSER', 'default', '-hset');
  const { open } = setup(server);
  const owner = open();
  const players = follow(owner.registry, 1);
  const announcement = owner.registry.announce(instanceOf());
  await eventually(() => said(owner.scope) === 'connected limited!');
  await eventually(() => players.watch.view.state === 'current');
  expect([announcement.state, figure('registry_blocked', owner)]).toEqual(['retrying', 1]);
  expect(owner.scope.metrics.value('registry_announced', { registry: owner.registry.name, service: 'players' })).toBe(
    0,
  );
  await server.command('ACL', 'SETUSER', 'default', '+hset');
  await eventually(() => players.whole && said(owner.scope) === 'connected limited! connected');
  expect(owner.scope.metrics.value('registry_announced', { registry: owner.registry.name, service: 'players' })).toBe(
    1,
  );
  expect(owner.scope.seen('announcement').map(({ state }) => state)).toEqual(['retrying', 'announced']);
});

test('F13: a permission that is taken from a reader makes its view stale, and nobody is removed', async () => {
  const server = await startRedis();
  await server.command('ACL', 'SETUSER', 'caller', 'on', 'nopass', 'allkeys', 'allchannels', '+@all');
  const { open } = setup(server);
  open().registry.announce(instanceOf());
  const caller = open({ url: `redis://caller:any@127.0.0.1:${server.port}` });
  const players = follow(caller.registry, 1);
  await eventually(() => players.whole);
  await server.command('ACL', 'SETUSER', 'caller', '-evalsha', '-eval');
  await server.command('CLIENT', 'KILL', 'USER', 'caller');
  await eventually(() => said(caller.scope).endsWith('lost!'));
  expect([ids(players.watch), players.watch.view.state]).toEqual(['players-1', 'stale']);
  expect(players.watch.view.reason).toMatch(/^NOPERM/);
  await server.command('ACL', 'SETUSER', 'caller', '+evalsha', '+eval');
  await eventually(
    () => players.whole,
    () => players.watch.view,
    10_000,
  );
});

test('F13: a password that is set while all runs is said once, and heals when it is taken away', async () => {
  const server = await startRedis();
  const { caller, players } = await setupThree(server);
  const admin = administrator(server);
  await admin.config('SET', 'requirepass', 'new');
  await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  await eventually(() => figure('registry_blocked', caller) === 1);
  expect(players.watch.view.state).toBe('stale');
  await admin.config('SET', 'requirepass', '');
  await eventually(
    () => players.whole,
    () => players.watch.view,
    10_000,
  );
  expect(players.fewest).toBe(3);
  expect(said(caller.scope)).toBe('connected lost lost! connected');
});

test('F13: in a Redis that is full those who are registered stay, may leave, and a newcomer waits', async () => {
  const server = await startRedis();
  const { open, owner, players, announcements } = await setupThree(server);
  // All three are in the index as well, which comes last and may be refused.
  const counts = watched(() => commandCounts(server));
  await eventually(() => (counts()?.get('zremrangebyscore') ?? 0) >= 3);
  await server.command('CONFIG', 'SET', 'maxmemory', '100kb');
  const late = open();
  const newcomer = late.registry.announce(instanceOf({ id: 'd' }));
  await eventually(() => said(late.scope) === 'connected limited!');
  expect(late.scope.seen('registry').at(-1)?.reason).toMatch(/^OOM/);
  // Every lease of before would have ended by now.
  const beaten = Date.now() + 1_000;
  const living = watched(async () =>
    Number((await server.command('ZCOUNT', 'mesh:v1:{default/players}:l', beaten, '+inf')).slice(1)),
  );
  await eventually(() => living() === 3);
  expect([players.whole, newcomer.state]).toEqual([true, 'retrying']);
  expect(announcements.map(({ state }) => state)).toEqual(['announced', 'announced', 'announced']);
  await announcements[2]?.leave();
  expect(await listed(server)).toBe(2);
  await eventually(() => ids(players.watch) === 'a b');
  await server.command('CONFIG', 'SET', 'maxmemory', '0');
  await eventually(() => ids(players.watch) === 'a b d');
  await eventually(() => said(late.scope) === 'connected limited! connected');
  expect(said(owner.scope)).toBe('connected');
});

test('F13: a Redis that is full is rid of those who are long dead, whoever is to do it', async () => {
  const server = await startRedis();
  const { owner } = await setupThree(server);
  // Somebody else is about to do it for the next minute, and so nobody does.
  await server.command('SET', `${KEY}r`, 1, 'PX', 60_000);
  await server.command('HSET', `${KEY}i`, 'dead', '1|{}');
  await server.command('ZADD', `${KEY}l`, Date.now() - 60_000, 'dead');
  await server.command('CONFIG', 'SET', 'maxmemory', '100kb');
  const count = watched(() => listed(server));
  await eventually(() => count() === 3);
  expect(said(owner.scope)).toBe('connected');
});

test('F13: a Redis that cannot write its disk takes nobody away, and heals when it can', async () => {
  const server = await startRedis();
  const { open, caller, owner, players } = await setupThree(server);
  const folder = (await server.command('CONFIG', 'GET', 'dir')).split('\r\n')[4] ?? '';
  await server.command('CONFIG', 'SET', 'save', '3600 100000');
  await mkdir(join(folder, 'dump.rdb'));
  const saved = watched(async () => {
    await server.command('BGSAVE');
    return (await server.command('INFO', 'persistence')).match(/rdb_last_bgsave_status:(\w+)/)?.[1];
  });
  await eventually(() => saved() === 'err');
  await eventually(() => figure('registry_blocked', owner) === 1);
  expect(owner.scope.seen('registry').at(-1)?.reason).toMatch(/^MISCONF/);
  expect([said(owner.scope), said(caller.scope)]).toEqual(['connected limited!', 'connected']);
  // Nobody can beat: every lease ends, and yet all are kept.
  const ended = watched(async () =>
    Number((await server.command('ZCOUNT', 'mesh:v1:{default/players}:l', '-inf', Date.now())).slice(1)),
  );
  await eventually(() => ended() === 3);
  expect([ids(players.watch), players.watch.view.state]).toEqual(['a b c', 'current']);
  // And a caller that starts now begins with them in doubt, not with nobody.
  const late = open().registry.watch('players', () => {});
  await eventually(() => late.view.state === 'current');
  expect([ids(late), late.view.suspects.size]).toEqual(['a b c', 3]);
  await rmdir(join(folder, 'dump.rdb'));
  await eventually(() => saved() === 'ok');
  await eventually(() => players.whole && said(owner.scope) === 'connected limited! connected');
  expect(players.fewest).toBe(3);
});

test('F13: a script that keeps Redis busy is waited for without haste, and takes nobody away', async () => {
  const server = await startRedis(['--lua-time-limit', '50']);
  const { owner, caller, players, announcements } = await setupThree(server);
  const busy = server.command('EVAL', 'while true do end', 0);
  await eventually(() => announcements.every(({ state }) => state === 'retrying'));
  const refusedAt = performance.now();
  await eventually(() => performance.now() - refusedAt > 600);
  expect(owner.scope.seen('announcement').at(-1)?.reason).toMatch(/^BUSY/);
  await server.command('SCRIPT', 'KILL');
  await busy;
  await eventually(() => announcements.every(({ state }) => state === 'announced') && players.whole);
  expect(players.fewest).toBe(3);
  expect([said(owner.scope), said(caller.scope)].join(' ')).not.toContain('!');
  const refused = /errorstat_BUSY:count=(\d+)/.exec(await server.command('INFO', 'errorstats'))?.[1];
  // Three owners, each of which waits for at least 100 ms.
  expect(Number(refused)).toBeLessThan(60);
});

test('F13: a Redis that loads its data is waited for: known views stay, and a new one says why it is not there', async () => {
  const server = await startRedis(['--loading-process-events-interval-bytes', '1024']);
  const { open, caller, owner, players } = await setupThree(server);
  await server.command('DEBUG', 'POPULATE', 2_000);
  await server.command('CONFIG', 'SET', 'key-load-delay', 2_500);
  const loading = server.command('DEBUG', 'RELOAD');
  const late = open();
  const watch = late.registry.watch('players', () => {});
  await eventually(
    () => watch.view.state === 'stale',
    () => watch.view,
  );
  expect(ids(players.watch)).toBe('a b c');
  await loading;
  await eventually(
    () => watch.view.state === 'current' && players.whole,
    () => [watch.view, players.watch.view],
    10_000,
  );
  expect(players.fewest).toBe(3);
  expect([said(owner.scope), said(caller.scope), said(late.scope)].join(' ')).not.toContain('!');
});

test('F13: what answers in another language is no Redis, and a person is told', async () => {
  const web = createServer((socket) => {
    socket.on('error', () => {});
    socket.resume();
    socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
  });
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
  afterwards(() => new Promise((resolve) => web.close(resolve)));
  const address = web.address();
  const { open } = setup(await startRedis());
  const port = typeof address === 'object' ? address?.port : 0;
  const { registry, scope } = open({ url: `redis://127.0.0.1:${port}` });
  const watch = registry.watch('players', () => {});
  await eventually(() => watch.view.state === 'stale');
  expect(said(scope)).toBe('lost!');
});

test('F30: a Redis with too many guests is waited for, and its caller keeps what it knows', async () => {
  const server = await startRedis();
  const { openBehindProxy, owner } = await setupThree(server);
  const { proxy, ...caller } = await openBehindProxy();
  const players = follow(caller.registry, 3);
  await eventually(() => players.whole);
  const admin = administrator(server);
  await admin.config('SET', 'maxclients', 1);
  proxy.reset();
  await eventually(() => players.watch.view.state === 'stale');
  const tried = proxy.made;
  owner.registry.announce(instanceOf({ id: 'd' }));
  await eventually(() => proxy.made >= tried + 3, undefined, 10_000);
  expect(ids(players.watch)).toBe('a b c');
  await admin.config('SET', 'maxclients', 1_000);
  await eventually(
    () => ids(players.watch) === 'a b c d',
    () => players.watch.view,
    10_000,
  );
  expect([said(caller.scope), players.fewest]).toEqual(['connected lost connected', 3]);
});

test('F14: a policy that may evict what is registered is said at the start', async () => {
  const server = await startRedis(['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru']);
  const { open } = setup(server);
  const { registry, scope } = open();
  registry.announce(instanceOf());
  await eventually(() => said(scope) === 'connected limited');
  expect(scope.seen('registry').at(-1)?.reason).toMatch(/allkeys-lru/);
  expect(figure('registry_blocked', { registry, scope })).toBe(0);
});

test('F14: what a full Redis threw away is there again with the next beat, and no caller sees fewer', async () => {
  const server = await startRedis(['--maxmemory-policy', 'allkeys-random']);
  const { players, caller } = await setupThree(server);
  await server.command('CONFIG', 'SET', 'maxmemory', '100kb');
  const evicted = watched(async () => Number(/evicted_keys:(\d+)/.exec(await server.command('INFO', 'stats'))?.[1]));
  await eventually(() => (evicted() ?? 0) >= 3);
  await server.command('CONFIG', 'SET', 'maxmemory', '0');
  const there = watched(() => listed(server));
  await eventually(
    () => there() === 3 && players.whole,
    () => players.watch.view,
  );
  expect(players.fewest).toBe(3);
  expect(caller.scope.seen('view').flatMap(({ left }) => left)).toEqual([]);
});
