import { spawn } from 'node:child_process';
import { Redis } from 'ioredis';
import { expect } from 'vitest';
import { type Clock, systemClock } from '../../src/core/clock.ts';
import { Reach } from '../../src/discovery/reach.ts';
import { indexKey, serviceKeys } from '../../src/discovery/redis/keys.ts';
import { Owner, type OwnerOptions } from '../../src/discovery/redis/owner.ts';
import { reap, snapshot } from '../../src/discovery/redis/scripts.ts';
import type { Instance, Watch } from '../../src/discovery/registry.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { settled } from '../support/harness.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { afterwards, commandCounts, follow, ids, KEY, listed, putRecords, setup, test } from './redis-setup.ts';
import { createScope, eventually, instanceOf, type TestScope, watched } from './setup.ts';

/** Moves the clock of whoever watches, a step per look, until something holds. */
function moving(clock: ManualClock, watch: Watch) {
  return (holds: () => boolean, stepMs: number): Promise<void> =>
    eventually(
      () => {
        void clock.advance(stepMs);
        return holds();
      },
      () => [ids(watch), [...watch.view.suspects], watch.view.state],
    );
}

test('F18: clocks of processes that are an hour off decide nothing', async () => {
  const server = await startRedis();
  const { open } = setup(server);
  const off = (hours: number): Clock => ({ ...systemClock, wall: () => systemClock.wall() + hours * 3_600_000 });
  // It beats once: what it said at first has to hold.
  const owner = open({ beatMs: 60_000, leaseMs: 120_000 }, off(-1));
  const caller = open({}, off(1));
  const watch = caller.registry.watch('players', () => {});
  owner.registry.announce(instanceOf());
  await eventually(() => ids(watch) === 'players-1');
  const late = open({}, off(1)).registry.watch('players', () => {});
  await eventually(() => late.view.state === 'current');
  expect([ids(late), late.view.suspects.size]).toEqual(['players-1', 0]);
});

test('F33: of ten reapers one a lease removes at most a hundred that are long dead, and nobody who lives', async () => {
  const server = await startRedis();
  const { open } = setup(server);
  const watch = open().registry.watch('players', () => {});
  for (let i = 0; i < 10; i++) open({ leaseMs: 60_000 }).registry.announce(instanceOf({ id: `live-${i}` }));
  await eventually(() => watch.view.instances.length === 10);
  const revision = async () => Number((await server.command('HGET', `${KEY}h`, 'rev')).split('\r\n')[1]);
  const before = await revision();
  const dead = Array.from({ length: 150 }, (_, i) => `dead-${i}`);
  await server.command('HSET', `${KEY}i`, ...dead.flatMap((id) => [id, `1|${JSON.stringify(instanceOf({ id }))}`]));
  await server.command('ZADD', `${KEY}l`, ...dead.flatMap((id) => [Date.now() - 200_000, id]));
  const count = watched(() => listed(server));
  await eventually(() => count() === 60);
  // Every owner beats twice more, and sees the fifty that are left.
  const beaten = Date.now() + 60_000 + 300;
  const late = watched(async () => Number((await server.command('ZCOUNT', `${KEY}l`, '-inf', beaten)).slice(1)));
  await eventually(() => late() === 50);
  // So many at once are told by a gap in the revisions, and then not again when they are removed.
  expect([await listed(server), await revision()]).toEqual([60, before + 2]);
  expect([watch.view.instances.length, watch.view.suspects.size]).toEqual([10, 0]);
});

test('F16: an instance that dies without a word is suspect at the next look, and goes after its grace', async () => {
  const server = await startRedis();
  const { open } = setup(server);
  const clock = new ManualClock();
  const { registry } = open({ leaseMs: 30_000, beatMs: 10_000 }, clock);
  const watch = registry.watch('players', () => {});
  // Nobody beats, and so nobody reaps: the reader has to see it by itself.
  for (const [id, leaseMs] of [['alive', 600_000] as const, ['silent', 300] as const]) {
    await server.command('HSET', `${KEY}i`, id, `1|${JSON.stringify(instanceOf({ id }))}`);
    await server.command('ZADD', `${KEY}l`, Date.now() + leaseMs, id);
  }
  const until = moving(clock, watch);
  await until(() => ids(watch) === 'alive silent', 1);
  await until(() => watch.view.suspects.has('silent'), 1_000);
  await until(() => ids(watch) === 'alive', 1_000);
  await registry.close();
  expect(clock.pending).toBe(0);
});

test('F34: a silent death is told by the next beat of anybody, and readers that were told are not sent all of it again', async () => {
  const server = await startRedis();
  const { open } = setup(server);
  const clock = new ManualClock();
  const { registry } = open({ leaseMs: 30_000, beatMs: 10_000 }, clock);
  // With a long lease, so that it does not take away the dead before they were looked at.
  const beating = open({ leaseMs: 60_000 }).registry.announce(instanceOf({ id: 'beating' }));
  await eventually(() => beating.state === 'announced');
  await server.command('HSET', `${KEY}i`, 'silent', `1|${JSON.stringify(instanceOf({ id: 'silent' }))}`);
  await server.command('ZADD', `${KEY}l`, Date.now() + 1_000, 'silent');
  const watch = registry.watch('players', () => {});
  const until = moving(clock, watch);
  await until(() => ids(watch) === 'beating silent', 1);
  // From now on the clock of the reader stands still: it hears only what it is told.
  await until(() => watch.view.suspects.has('silent'), 0);
  expect(ids(watch)).toBe('beating silent');

  const script = new Redis(server.port, { lazyConnect: true });
  afterwards(async () => script.disconnect());
  const head = await script.hmget(`${KEY}h`, 'epoch', 'rev', 'mark');
  const at = [head[0] ?? '', head[1] ?? '', 0, 1_000, head[2] ?? ''];
  const ask = async () => script.eval(snapshot.lua, 3, `${KEY}i`, `${KEY}l`, `${KEY}h`, ...at);
  expect(await ask()).toHaveLength(2);
  await server.command('HDEL', `${KEY}h`, 'lapsed');
  expect(await ask()).toHaveLength(6);
});

/** A caller whose clock is moved by hand, and a calm owner of each id. */
async function setupTold(...all: readonly string[]) {
  const server = await startRedis();
  const { open } = setup(server);
  const calm = { beatMs: 60_000, leaseMs: 120_000 };
  const clock = new ManualClock();
  const watch = open(calm, clock).registry.watch('players', () => {});
  const move = moving(clock, watch);
  const until = (seen: string, stepMs: number) =>
    move(() => watch.view.state === 'current' && ids(watch) === seen, stepMs);
  await until('', 1);
  const announce = async (id: string, attributes = {}) => {
    const owner = open(calm).registry.announce(instanceOf({ id, attributes }));
    await eventually(() => owner.state === 'announced');
  };
  for (const id of all) await announce(id);
  return { server, clock, watch, until, announce };
}

test('who was told of each change is not sent all of it when it looks again, whatever stands in the records', async () => {
  const { server, clock, until, announce } = await setupTold('a');
  await announce('b', { note: 'ä "/\\" \u{1F600}' });
  await until('a b', 0);
  await server.command('CONFIG', 'RESETSTAT');
  const counts = watched(() => commandCounts(server));
  await eventually(() => {
    void clock.advance(5_000);
    return (counts()?.get('evalsha') ?? 0) > 2;
  });
  expect(counts()?.get('zrangebyscore')).toBe(undefined);
});

test('F10: after a failover that nobody notices, which lost what was told, whoever comes is seen with the next look', async () => {
  const { server, until, announce } = await setupTold('a');
  const before = (await server.command('HGET', `${KEY}h`, 'mark')).split('\r\n')[1] ?? '';
  await announce('b');
  await until('a b', 0);
  // The copy has it not, and counts what comes now by the same revision.
  await server.command('HDEL', `${KEY}i`, 'b');
  await server.command('ZREM', `${KEY}l`, 'b');
  await server.command('HSET', `${KEY}h`, 'rev', 1, 'mark', before);
  await announce('c');
  await until('a b c', 1_000);
});

test('F23: a process whose id a newer one took is fenced at once, and its leave does not take the newer away', async () => {
  const server = await startRedis();
  const { open } = setup(server);
  const calm = { beatMs: 60_000, leaseMs: 120_000 };
  const watch = open(calm).registry.watch('players', () => {});
  const announce = (generation: number) => open(calm).registry.announce(instanceOf({ generation }));
  const first = announce(6);
  await eventually(() => first.state === 'announced');
  const newer = announce(7);
  await eventually(() => newer.state === 'announced' && watch.view.instances[0]?.generation === 7);
  const older = announce(5);
  await eventually(() => older.state === 'fenced');
  await first.leave();
  expect(await server.command('HGET', `${KEY}i`, 'players-1')).toMatch(/^\$\d+\r\n7\|/);
  expect(watch.view.instances[0]?.generation).toBe(7);
});

/** An owner, and in place of Redis what a test lets it answer; beats of 10 s. */
function setupOwner() {
  const clock = new ManualClock();
  const scope = createScope(clock);
  const redis = { asked: 0, refusing: undefined as string | undefined };
  const connection = {
    ready: true,
    use: () => () => {},
    run: async () => {
      redis.asked++;
      if (redis.refusing !== undefined) throw Object.assign(new Error(redis.refusing), { name: 'ReplyError' });
      return 1;
    },
  };
  return { clock, scope, redis, owner: ownerWith(connection, instanceOf(), scope) };
}

function ownerWith(connection: OwnerOptions['connection'], instance: Instance, scope: TestScope): Owner {
  return new Owner(instance, {
    connection,
    keys: serviceKeys('default', 'players'),
    indexKey: indexKey('default'),
    beatMs: 10_000,
    leaseMs: 30_000,
    reach: new Reach('redis', scope),
    scope,
  });
}

test('a second leave, be it by a close, waits for the first', async () => {
  const scope = createScope(new ManualClock());
  const order: string[] = [];
  let answer = (_: number) => {};
  const run = () => new Promise<number>((resolve) => (answer = resolve));
  const owner = ownerWith({ ready: true, use: () => () => {}, run }, instanceOf(), scope);
  const leaves = ['first', 'second'].map((name) => owner.leave().then(() => order.push(name)));
  await settled();
  expect([owner.state, owner.gone, order]).toEqual(['left', false, []]);
  answer(1);
  await Promise.all(leaves);
  expect([owner.gone, order]).toEqual([true, ['first', 'second']]);
});

test('the owners of one process beat at moments that they share, each once in a beat', async () => {
  const clock = new ManualClock();
  const scope = createScope(clock);
  const beats: { readonly id: unknown; readonly at: number }[] = [];
  const run = async (_: unknown, __: unknown, [id]: readonly unknown[]) => beats.push({ id, at: clock.now() }) && 1;
  const owners = Array.from({ length: 50 }, (_, i) =>
    ownerWith({ ready: true, use: () => () => {}, run }, instanceOf({ id: `o${i}` }), scope),
  );
  for (const owner of owners) owner.ready(true);
  await clock.advance(5_000);
  beats.length = 0;
  await clock.advance(100_000);
  const moments = new Set(beats.map(({ at }) => at));
  expect(moments.size).toBeLessThan(100_000 / 250 + 1);
  expect(beats.length).toBeGreaterThan(50 * 8);
  const of = beats.filter(({ id }) => id === 'o7').map(({ at }) => at);
  for (const [i, at] of of.slice(1).entries()) {
    expect(at - (of[i] ?? 0)).toBeGreaterThanOrEqual(9_000);
    expect(at - (of[i] ?? 0)).toBeLessThanOrEqual(11_250);
  }
  for (const owner of owners) await owner.leave();
  expect(clock.pending).toBe(0);
});

test.each([
  ['passes by itself is tried again soon, and then less often', 'BUSY Redis is busy running a script.', 12, 60],
  ['takes a person is tried again with each beat', 'OOM command not allowed', 9, 13],
])('F13: what %s', async (_, refusal, atLeast, atMost) => {
  const { clock, redis, owner } = setupOwner();
  redis.refusing = refusal;
  owner.ready(true);
  await clock.advance(100_000);
  expect(redis.asked).toBeGreaterThanOrEqual(atLeast);
  expect(redis.asked).toBeLessThanOrEqual(atMost);
  expect(owner.state).toBe('retrying');
  redis.refusing = undefined;
  await clock.advance(12_000);
  expect(owner.state).toBe('announced');
  await owner.leave();
  expect(clock.pending).toBe(0);
});

test('an owner that leaves while a beat is on its way is not registered again by that beat', async () => {
  const server = await startRedis();
  const { open } = setup(server);
  const clock = new ManualClock();
  const announcement = open({}, clock).registry.announce(instanceOf());
  await eventually(() => {
    void clock.advance(1);
    return announcement.state === 'announced';
  });
  await server.command('FLUSHALL');
  server.freeze();
  // The beat goes out, and will find that the record is not there.
  await clock.advance(120);
  const left = announcement.leave();
  server.thaw();
  await left;
  expect(await listed(server)).toBe(0);
});

test('an owner that leaves after its record was lost still tells those who have it', async () => {
  const server = await startRedis();
  const { open } = setup(server);
  const slow = open({ beatMs: 60_000, leaseMs: 120_000 });
  const caller = open({ beatMs: 60_000, leaseMs: 120_000 });
  const watch = caller.registry.watch('players', () => {});
  const announcement = slow.registry.announce(instanceOf());
  await eventually(() => ids(watch) === 'players-1');
  await server.command('FLUSHALL');
  await announcement.leave();
  await eventually(
    () => ids(watch) === '',
    () => watch.view,
  );
});

test('F16: an owner that is cut off from Redis stays in use, in doubt, and is out of doubt when the way is free', async () => {
  const server = await startRedis();
  const { open, openBehindProxy } = setup(server);
  const owner = await openBehindProxy({ leaseMs: 1_000 });
  open({ leaseMs: 1_000 }).registry.announce(instanceOf({ id: 'near' }));
  owner.registry.announce(instanceOf({ id: 'far' }));
  // A grace of a minute.
  const players = follow(open({ leaseMs: 60_000 }).registry, 2);
  await eventually(() => players.whole);
  owner.proxy.hold();
  await eventually(
    () => players.watch.view.suspects.has('far'),
    () => players.watch.view,
    8_000,
  );
  expect([ids(players.watch), players.watch.view.suspects.size]).toEqual(['far near', 1]);
  owner.proxy.release();
  await eventually(
    () => players.whole,
    () => players.watch.view,
    10_000,
  );
  expect(players.fewest).toBe(2);
});

test('F16: an owner whose lease ended and who beats again is listed at once', async () => {
  const server = await startRedis();
  const { open } = setup(server);
  const players = follow(open().registry, 1);
  const announcement = open().registry.announce(instanceOf());
  await eventually(() => announcement.state === 'announced' && players.whole);
  const revision = async () => Number((await server.command('HGET', `${KEY}h`, 'rev')).split('\r\n')[1]);
  const before = await revision();
  // Not so long ago that somebody reaps it.
  await server.command('ZADD', `${KEY}l`, Date.now() - 100, 'players-1');
  const told = watched(revision);
  await eventually(() => (told() ?? 0) > before);
  expect(players.whole).toBe(true);
});

test('F19: a caller that starts when every lease has just ended begins with all of them, in doubt', async () => {
  const server = await startRedis();
  const { open } = setup(server);
  await putRecords(server, ['a', 'b'], -60_000);
  await putRecords(server, ['long-dead'], -3_600_000);
  const players = follow(open().registry, 2);
  await eventually(() => players.watch.view.state === 'current');
  expect([ids(players.watch), [...players.watch.view.suspects]]).toEqual(['a b', ['a', 'b']]);
  // Whoever is refused by one takes it away.
  players.watch.failed('a');
  expect(ids(players.watch)).toBe('b');
});

test('F19: when the clock of Redis jumps, so that every lease seems long over, nobody is taken away', async () => {
  const server = await startRedis();
  const { open } = setup(server);
  const owner = open();
  const caller = open();
  const all = Array.from({ length: 6 }, (_, i) => `${i}`);
  const players = follow(caller.registry, all.length);
  for (const id of all) owner.registry.announce(instanceOf({ id }));
  await eventually(() => players.whole);
  const jump = `for _, id in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do redis.call('ZADD', KEYS[2], 1000, id) end`;
  // And what the next owner does that beats.
  const words = [4, ...['i', 'l', 'h', 'another'].map((key) => KEY + key), 500, `${KEY}c`];
  expect(await server.command('EVAL', `${jump}\n${reap.lua}`, ...words)).toBe(':6\r\n');
  // And if every call failed just now?
  for (const id of all) players.watch.failed(id);
  await eventually(
    () => players.whole,
    () => players.watch.view,
  );
  expect([players.fewest, await listed(server)]).toEqual([all.length, all.length]);
  expect(caller.scope.seen('view').flatMap(({ left }) => left)).toEqual([]);
});

test('F19: when the clock of Redis jumped and is put back, who was said to have lapsed and beats is out of doubt', async () => {
  const server = await startRedis();
  const { open } = setup(server);
  const clock = new ManualClock();
  // Its grace outlasts an answer that stays away for seconds.
  const watch = open({ leaseMs: 600_000, beatMs: 10_000 }, clock).registry.watch('players', () => {});
  for (const id of ['a', 'b']) open({ leaseMs: 60_000 }).registry.announce(instanceOf({ id }));
  const until = moving(clock, watch);
  await until(() => ids(watch) === 'a b', 1);
  // What the beat of a does while the clock is ahead; when b beats it is right again, and its lease never ended.
  const lapse = `{"epoch":"' .. redis.call('HGET', KEYS[1], 'epoch') .. '","rev":' .. rev .. ',"op":"lapse","id":"b","generation":"1"}`;
  const told = `
    local rev = redis.call('HINCRBY', KEYS[1], 'rev', 1)
    local text = '${lapse}'
    redis.call('HSET', KEYS[1], 'mark', redis.sha1hex(redis.call('HGET', KEYS[1], 'mark') .. text))
    redis.call('PUBLISH', KEYS[2], text)`;
  const ahead = Date.now() + 600_000;
  await server.command('EVAL', `redis.call('HSET', KEYS[1], 'lapsed', ${ahead}) ${told}`, 2, `${KEY}h`, `${KEY}c`);
  await until(() => watch.view.suspects.has('b'), 0);
  await until(() => ids(watch) !== 'a b' || watch.view.suspects.size === 0, 100);
  expect(ids(watch)).toBe('a b');
});

/** A process that follows players and says so at every change: the ids, a `?` behind those in doubt, the state, and who left so far. */
function followInChild(server: RedisServer) {
  const script = `
    import { createRedisRegistry } from './src/discovery/redis/redis-registry.ts';
    import { createScope } from './test/discovery/setup.ts';
    const scope = createScope();
    const registry = createRedisRegistry('registry', { url: '${server.url}', beatMs: 100, leaseMs: 3_000 })(scope);
    const watch = registry.watch('players', () => {});
    setInterval(() => {
      const { instances, suspects, state } = watch.view;
      const left = scope.seen('view').flatMap(({ left }) => left);
      process.stdout.write(instances.map(({ id }) => id + (suspects.has(id) ? '?' : '')).join(' ') + ' ' + state + ' ' + left + '\\n');
    }, 10);
  `;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exit = new Promise((resolve) => child.once('exit', resolve));
  afterwards(async () => {
    child.kill('SIGCONT');
    child.kill('SIGKILL');
    await exit;
  });
  const lines: string[] = [];
  child.stdout.setEncoding('utf8').on('data', (text: string) => lines.push(...text.trim().split('\n')));
  const says = (line: string, withinMs = 15_000) =>
    eventually(
      () => lines.at(-1)?.trim() === line,
      () => lines.at(-1),
      withinMs,
    );
  return { child, says, lines };
}

test('F20: a caller that was stopped removes nobody when it goes on, before it has asked what it missed', async () => {
  const server = await startRedis();
  setup(server);
  await putRecords(server, ['a', 'b'], 600_000);
  const { child, says, lines } = followInChild(server);
  await says('a b current');
  const lapse = JSON.stringify({ epoch: 'by hand', rev: 3, op: 'lapse', id: 'b', generation: '1' });
  await server.command('HINCRBY', `${KEY}h`, 'rev', 1);
  await server.command('PUBLISH', `${KEY}c`, lapse);
  await says('a b? current');
  child.kill('SIGSTOP');
  const stoppedAt = performance.now();
  // It came back, and the word of that was lost.
  await server.command('HINCRBY', `${KEY}h`, 'rev', 1);
  // The grace of b was over 3 s after it lapsed; who wakes 5 s later than that has slept.
  await eventually(() => performance.now() - stoppedAt > 8_500, undefined, 10_000);
  child.kill('SIGCONT');
  await says('a b current');
  expect(lines.filter((line) => !/^a b\??( stale| current)? *$/.test(line) && line.trim() !== 'pending')).toEqual([]);
}, 40_000);

test('F20: a caller that was stopped asks what it missed as soon as it goes on', async () => {
  const server = await startRedis();
  setup(server);
  await putRecords(server, ['a', 'b'], 600_000);
  const { child, says } = followInChild(server);
  await says('a b current');
  child.kill('SIGSTOP');
  const stoppedAt = performance.now();
  // One that joined, and of which no message came.
  await server.command('HSET', `${KEY}i`, 'c', `1|${JSON.stringify(instanceOf({ id: 'c' }))}`);
  await server.command('ZADD', `${KEY}l`, Date.now() + 600_000, 'c');
  await server.command('HINCRBY', `${KEY}h`, 'rev', 1);
  await eventually(() => performance.now() - stoppedAt > 7_000, undefined, 10_000);
  child.kill('SIGCONT');
  // It would look by itself 24 s after the last time at the soonest.
  await says('a b c current', 8_000);
}, 40_000);
