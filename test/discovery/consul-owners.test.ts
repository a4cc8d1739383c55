import { expect, test } from 'vitest';
import { ids, service, setup } from './consul-setup.ts';
import { eventually, instanceOf, looked } from './setup.ts';

const owner = (fields: object = {}) =>
  instanceOf({ id: 'players/1 ü', attributes: { zone: 'eu-1a', 'a.b': 'c' }, ...fields });

test('an instance is registered with a check that ends with its beats, and with all that it said of itself', async () => {
  const { server, clock, moving, registry, follow } = await setup({ register: true });
  const announcement = registry.announce(owner({ weight: 2.5, protocol: 'https' }));
  await eventually(() => announcement.state === 'announced');
  const registered = server.services.get('players/1 ü');
  expect(registered).toMatchObject({
    Name: 'players',
    Address: '10.0.0.1',
    Port: 8080,
    Weights: { Passing: 3, Warning: 3 },
    Check: { CheckID: 'service:players/1 ü', TTL: '30s', Status: 'passing', DeregisterCriticalServiceAfter: '1m' },
  });
  expect(registered?.Meta?.['zone']).toBe('eu-1a');
  expect(Object.keys(registered?.Meta ?? {})).not.toContain('a.b');
  const watch = await follow();
  const [seen] = watch.view.instances;
  expect({ ...seen, attributes: { ...seen?.attributes } }).toEqual(announcement.instance);
  const beats = () => server.asked.filter(({ path }) => path.startsWith('/v1/agent/check/pass/')).length;
  const started = clock.now();
  await moving(500, () => beats() === 3);
  expect(clock.now() - started).toBeGreaterThan(26_000);
  expect(clock.now() - started).toBeLessThan(35_000);
  expect(server.asked.filter(({ path }) => path === '/v1/agent/service/register').length).toBe(1);
});

test('names of attributes that Consul keeps for itself, or cannot hold, do not hinder the registration', async () => {
  const { server, registry, follow } = await setup({ register: true });
  const attributes = { 'consul-x': '1', 'heddle-0': '2', 'a b': '3', long: '€'.repeat(200), zone: 'eu-1a' };
  const announcement = registry.announce(owner({ attributes }));
  await eventually(
    () => announcement.state === 'announced',
    () => server.asked.map(({ path }) => path),
  );
  const names = Object.keys(server.services.get('players/1 ü')?.Meta ?? {});
  expect(names.filter((name) => !/^heddle-\d+$/.test(name))).toEqual(['zone']);
  const watch = await follow();
  expect({ ...watch.view.instances[0]?.attributes }).toEqual(attributes);
});

test('more attributes than Consul has room for are all seen by who reads the record', async () => {
  const { server, registry, follow } = await setup({ register: true });
  const attributes = Object.fromEntries(Array.from({ length: 64 }, (_, n) => [`a${n}`, String(n)]));
  const announcement = registry.announce(owner({ attributes }));
  await eventually(() => announcement.state === 'announced');
  expect(Object.keys(server.services.get('players/1 ü')?.Meta ?? {}).length).toBe(64);
  const watch = await follow();
  expect({ ...watch.view.instances[0]?.attributes }).toEqual(attributes);
});

test('who is registered has the tags that readers with the same options look for', async () => {
  const { server, registry, follow } = await setup({ register: true, tags: ['blue', 'v 1'] });
  server.put(service(2));
  const announcement = registry.announce(owner());
  await eventually(() => announcement.state === 'announced');
  expect(ids(await follow())).toBe('players/1 ü');
});

test.each([false, true])(
  'F10: an agent that has forgotten is told again at the next beat (an agent of old: %s)',
  async (old) => {
    const { server, scope, moving, registry } = await setup({ register: true });
    server.old = old;
    const announcement = registry.announce(owner());
    await eventually(() => announcement.state === 'announced');
    server.remove('players/1 ü');
    await moving(500, () => server.services.has('players/1 ü'));
    // The service may be there, and its check gone.
    server.checks.delete('players/1 ü');
    await moving(500, () => server.checks.get('players/1 ü')?.[0]?.Status === 'passing');
    expect(scope.seen('announcement').map(({ state }) => state)).toEqual(['announced']);
  },
);

test('F2: an agent that is not there yet is told when it is; nobody waits for it', async () => {
  const { server, scope, moving, registry } = await setup({ register: true });
  await server.stop();
  const announcement = registry.announce(owner());
  await eventually(() => scope.seen('announcement').length === 1);
  expect(announcement.state).toBe('retrying');
  await server.start();
  await moving(50, () => announcement.state === 'announced');
  expect(server.services.size).toBe(1);
});

test('F13: an agent that refuses to register takes a person, who is told once', async () => {
  const { server, scope, gauge, moving, registry } = await setup({ register: true, token: 'reader' });
  server.token = 'writer';
  const announcement = registry.announce(owner());
  await eventually(() => gauge('registry_blocked') === 1);
  await moving(5_000, () => server.asked.length > 3);
  expect(announcement.state).toBe('retrying');
  expect(scope.seen('registry').length).toBe(1);
  expect(scope.seen('announcement').length).toBe(1);
});

test('F23: who finds a newer process under its id stops, and leaves what is there alone', async () => {
  const { server, moving, registry } = await setup({ register: true });
  const older = registry.announce(owner({ generation: 6 }));
  await eventually(() => older.state === 'announced');
  const newer = registry.announce(owner({ generation: 7, port: 7_777 }));
  await eventually(() => newer.state === 'announced');
  await moving(500, () => older.state === 'fenced');
  const { length } = server.asked;
  await looked();
  // The newer may be about to say that it lives.
  expect(server.asked.length).toBeLessThanOrEqual(length + 2);
  await older.leave();
  expect(server.services.get('players/1 ü')?.Port).toBe(7_777);
  expect(server.asked.filter(({ path }) => /deregister|fail/.test(path))).toEqual([]);
});

test('F23: who leaves before it has found the newer process under its id leaves what is there alone too', async () => {
  const { server, registry } = await setup({ register: true });
  const older = registry.announce(owner({ generation: 6 }));
  await eventually(() => older.state === 'announced');
  const newer = registry.announce(owner({ generation: 7, port: 7_777 }));
  await eventually(() => newer.state === 'announced');
  await older.leave();
  expect(server.services.get('players/1 ü')?.Port).toBe(7_777);
  expect(server.asked.filter(({ path }) => /deregister|fail/.test(path))).toEqual([]);
});

test('who leaves says so before it is deregistered, so that it is gone at once and not in doubt', async () => {
  const { server, moving, registry, follow } = await setup({ register: true });
  const announcement = registry.announce(owner());
  await eventually(() => announcement.state === 'announced');
  const watch = await follow();
  let left = false;
  const leaving = announcement.leave().then(() => {
    left = true;
  });
  await eventually(() => ids(watch) === '');
  // It stays for a moment, for those who read slowly.
  await looked(() => server.services.size === 0);
  expect(server.checks.get('players/1 ü')).toEqual([
    { CheckID: 'service:players/1 ü', Status: 'critical', Output: 'left' },
  ]);
  expect(left).toBe(false);
  await moving(50, () => left);
  await leaving;
  expect([server.services.size, announcement.state]).toEqual([0, 'left']);
  expect(watch.view.suspects.size).toBe(0);
});

test('a registration that is on its way when its instance leaves does not arrive after the leave', async () => {
  const { server, moving, registry } = await setup({ register: true });
  const held = Promise.withResolvers<void>();
  server.registering = held.promise;
  const announcement = registry.announce(owner());
  const asked = (path: string) => server.asked.filter((one) => one.path === path).length;
  await eventually(() => asked('/v1/agent/service/register') === 1);
  let left = false;
  const leaving = announcement.leave().then(() => {
    left = true;
  });
  // One that does not wait would be over in a moment.
  await looked(() => left);
  held.resolve();
  await moving(20, () => left);
  await leaving;
  expect(server.services.size).toBe(0);
  expect(asked('/v1/agent/service/deregister/players/1 ü')).toBe(1);
});

test('a second leave, or a close, while the first is on its way waits for it and does not break it off', async () => {
  const { server, moving, registry } = await setup({ register: true });
  const announcement = registry.announce(owner());
  await eventually(() => announcement.state === 'announced');
  const left: number[] = [];
  const seen = () => left.push(server.services.size);
  for (const leaving of [announcement.leave(), announcement.leave(), registry.close()]) void leaving.then(seen);
  await moving(20, () => left.length === 3);
  expect(left).toEqual([0, 0, 0]);
  expect(server.asked.slice(-2).map(({ path, query }) => `${path} ${query}`)).toEqual([
    '/v1/agent/check/fail/service:players/1 ü note=left',
    '/v1/agent/service/deregister/players/1 ü ',
  ]);
});

test('a leave, and a close, wait a second at most for an agent that does not answer, and leave nothing behind', async () => {
  const { server, clock, registry, moving } = await setup({ register: true });
  const announcement = registry.announce(owner());
  const other = registry.announce(owner({ id: 'b' }));
  registry.watch('players', () => {});
  await eventually(() => announcement.state === 'announced' && other.state === 'announced' && server.waiting === 1);
  server.frozen = true;
  const started = clock.now();
  let over = 0;
  void announcement.leave().then(() => over++);
  await moving(20, () => over === 1);
  expect(clock.now() - started).toBeLessThanOrEqual(1_200);
  void registry.close().then(() => over++);
  await moving(20, () => over === 2);
  expect(clock.now() - started).toBeLessThanOrEqual(2_400);
  expect(clock.pending).toBe(0);
  expect(server.waiting).toBe(0);
});
