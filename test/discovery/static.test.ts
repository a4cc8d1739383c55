import { describe, expect, test } from 'vitest';
import { createStaticRegistry, type StaticLists } from '../../src/discovery/static.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { readerContract, readOnlyContract } from './reader-contract.ts';
import { createScope, instanceOf } from './setup.ts';

readerContract(
  'static',
  async () => {
    const lists: Record<string, string[]> = {};
    return {
      open: (scope) => createStaticRegistry(lists)(scope),
      list: async (service, instances) => {
        lists[service] = instances.map(({ host, port }) => `http://${host}:${port}`);
      },
      close: async () => {},
    };
  },
  { fixed: true },
);
readOnlyContract('static', async () => ({
  open: createStaticRegistry({}),
  list: async () => {},
  close: async () => {},
}));

describe('lists in code', () => {
  test('are known at once, with all that they say', async () => {
    const registry = createStaticRegistry({
      players: [
        'http://10.0.0.1:8080',
        { url: 'https://players.internal', attributes: { zone: 'a' }, weight: 2 },
        'http://[::1]:81',
      ],
      teams: [],
    })(createScope());
    const { view } = registry.watch('players', () => {});
    expect(view.state).toBe('current');
    expect(view.instances.map((one) => ({ ...one, attributes: { ...one.attributes } }))).toEqual([
      instanceOf({ id: '10.0.0.1:8080', generation: 0 }),
      instanceOf({ id: '::1:81', host: '::1', port: 81, generation: 0 }),
      instanceOf({
        id: 'players.internal:443',
        host: 'players.internal',
        port: 443,
        protocol: 'https',
        attributes: { zone: 'a' },
        weight: 2,
        generation: 0,
      }),
    ]);
    expect(await registry.services()).toEqual(['players', 'teams']);
  });

  test('know that a service which is in none of them is empty', () => {
    const registry = createStaticRegistry({ players: ['http://10.0.0.1:8080'] })(createScope());
    for (const service of ['teams', 'constructor', 'tostring'])
      expect(registry.watch(service, () => {}).view).toMatchObject({ state: 'current', instances: [] });
  });

  test('lose nobody by failures', () => {
    const registry = createStaticRegistry({ players: ['http://10.0.0.1:8080'] })(createScope());
    const watch = registry.watch('players', () => {});
    watch.failed('10.0.0.1:8080');
    expect(watch.view.instances.length).toBe(1);
  });

  test('accept an announcement, close twice, and leave nothing running', async () => {
    const clock = new ManualClock();
    const registry = createStaticRegistry({ players: ['http://10.0.0.1:8080'] })(createScope(clock));
    registry.watch('players', () => {});
    const announcement = registry.announce(instanceOf());
    expect(announcement.state).toBe('announced');
    await announcement.leave();
    expect(announcement.state).toBe('left');
    await registry.close();
    await registry.close();
    expect(clock.pending).toBe(0);
  });

  const wrong: readonly [lists: unknown, message: string][] = [
    [{ Players: [] }, 'a service of registry must be a service name'],
    [{ players: 'http://10.0.0.1' }, "registry.players must be a list of addresses, not 'http://10.0.0.1'"],
    [{ players: ['10.0.0.1:8080'] }, "registry.players[0] must be a URL such as 'http://10.0.0.1:8080'"],
    [{ players: ['ftp://10.0.0.1'] }, 'registry.players[0] must be a URL'],
    [{ players: ['http://10.0.0.1/path'] }, 'registry.players[0] must be a URL'],
    [{ players: ['http://0.0.0.0:80'] }, 'registry.players[0] must be the address of a host that can be called'],
    [{ players: ['http://169.254.169.254'] }, 'registry.players[0] must be the address'],
    [{ players: ['http://10.0.0.1:0'] }, 'registry.players[0] must be a URL with a port from 1 to 65535'],
    [{ players: ['http://10.0.0.1', 'http://10.0.0.1:80'] }, "different addresses, not '10.0.0.1:80 twice'"],
    [{ players: [7] }, 'registry.players[0] must be an object, not 7'],
    [{ players: [{ url: 7 }] }, 'registry.players[0].url must be a URL'],
    [{ players: [{ url: 'http://a', port: 7 }] }, "registry.players[0] has no option 'port'"],
    [{ players: [{ url: 'http://a', weight: 0 }] }, 'registry.players[0].weight must be a number above 0'],
    [{ players: [{ url: 'http://a', weight: 1_001 }] }, 'registry.players[0].weight must be a number of at most 1000'],
    [
      { players: [{ url: 'http://a', attributes: { zone: 7 } }] },
      'registry.players[0].attributes.zone must be a string',
    ],
    [{ players: [{ url: 'http://a', attributes: [] }] }, 'registry.players[0].attributes must be an object of strings'],
  ];
  test.each(wrong)('that are wrong are refused: %j', (lists, message) => {
    expect(() => createStaticRegistry(lists as StaticLists)).toThrow(message); // as a caller without types would
  });

  test('F114: do not show the password of a URL', () => {
    const lists = { players: ['http://user:secret/@10.0.0.1:8080'] };
    expect(() => createStaticRegistry(lists)).toThrow(/^(?!.*(secret|user:)).*10\.0\.0\.1/);
  });
});
