import { afterEach, describe, expect, test } from 'vitest';
import { callableHost } from '../../src/discovery/address.ts';
import { resolveAddresses } from '../../src/discovery/address-options.ts';
import type { Announcement, Registry, RegistryScope, View, Watch } from '../../src/discovery/registry.ts';
import { readerContract, type Source } from './reader-contract.ts';
import { createScope, eventually, inheritedNames, instanceOf, type TestScope, watched } from './setup.ts';

/** A place that registries under test share. */
export interface Place {
  /** Another process' registry at the same place. */
  open(scope: RegistryScope): Registry;
  /** Writes a record as text, as anybody with access to the place could. */
  put(service: string, id: string, text: string): Promise<void>;
  /** Under which name it counts the records that it skips. @default the name of the registry */
  readonly countsAs?: string;
  /** Takes the place away, after the registries were closed. */
  close(): Promise<void>;
}

const ids = (watch: Watch) => watch.view.instances.map(({ id }) => id);

/** What every registry owes to its users in which a process can announce itself: to who calls, and to who is called. */
export function registryContract(name: string, makePlace: () => Promise<Place>): void {
  readerContract(name, async () => sourceOf(await makePlace()));

  describe(`${name} registry, for who is in it`, () => {
    const cleanups: (() => Promise<void>)[] = [];
    afterEach(async () => {
      for (const cleanup of cleanups.splice(0)) await cleanup();
    });

    async function setup() {
      const place = await makePlace();
      const opened: Registry[] = [];
      cleanups.push(async () => {
        await Promise.all(opened.map((registry) => registry.close()));
        await place.close();
      });
      const open = (scope: TestScope = createScope()) => {
        const registry = place.open(scope);
        opened.push(registry);
        return { registry, scope };
      };
      return { place, open, owner: open(), caller: open() };
    }

    test('an instance that is announced is seen by others, with all that it said of itself', async () => {
      const { owner, caller } = await setup();
      const views: View[] = [];
      const watch = caller.registry.watch('players', (view) => views.push(view));
      await eventually(() => watch.view.state === 'current');
      const instance = instanceOf({ attributes: { environment: 'production', version: '1.2.3' }, weight: 2 });
      const announcement = owner.registry.announce(instance);

      await eventually(
        () => views.at(-1)?.instances.length === 1,
        () => watch.view,
      );
      // `asOf` may have moved on since: a reading that finds nothing new is a newer `watch.view`, and told to nobody.
      expect(watch.view).toEqual({ ...views.at(-1), asOf: watch.view.asOf });
      const [seen] = watch.view.instances;
      expect({ ...seen, attributes: { ...seen?.attributes } }).toEqual(instance);
      await eventually(() => announcement.state === 'announced');
      expect(caller.scope.seen('view')).toEqual([{ service: 'players', known: 1, joined: ['players-1'], left: [] }]);
      expect(owner.scope.seen('announcement').map(({ state }) => state)).toEqual(['announced']);
    });

    test('F104: attributes called as what objects inherit are attributes like any other', async () => {
      const { owner, caller } = await setup();
      const watch = caller.registry.watch('players', () => {});
      owner.registry.announce(instanceOf({ attributes: inheritedNames() }));
      await eventually(() => ids(watch).length === 1);
      const attributes = watch.view.instances[0]?.attributes;
      expect(Object.entries(attributes ?? {})).toEqual(Object.entries(inheritedNames()));
      expect(Object.getPrototypeOf(attributes)).toBe(null);
    });

    test('an instance that leaves is gone at once, and only it', async () => {
      const { owner, caller } = await setup();
      const watch = caller.registry.watch('players', () => {});
      owner.registry.announce(instanceOf({ id: 'a' }));
      const leaving = owner.registry.announce(instanceOf({ id: 'b' }));
      await eventually(
        () => ids(watch).length === 2,
        () => watch.view,
      );
      await leaving.leave();
      await eventually(
        () => ids(watch).length === 1,
        () => watch.view,
        2_000,
      );
      expect(ids(watch)).toEqual(['a']);
      expect(leaving.state).toBe('left');
      await leaving.leave();
    });

    test('the last instance that leaves is gone too', async () => {
      const { owner, caller } = await setup();
      const watch = caller.registry.watch('players', () => {});
      const leaving = owner.registry.announce(instanceOf());
      await eventually(() => ids(watch).length === 1);
      await leaving.leave();
      await eventually(
        () => ids(watch).length === 0,
        () => watch.view,
        2_000,
      );
      expect(watch.view.state).toBe('current');
    });

    test('two services are two', async () => {
      const { owner, caller } = await setup();
      const players = caller.registry.watch('players', () => {});
      const teams = caller.registry.watch('teams', () => {});
      owner.registry.announce(instanceOf({ id: 'p' }));
      owner.registry.announce(instanceOf({ id: 't', service: 'teams' }));
      await eventually(() => ids(players).length === 1 && ids(teams).length === 1);
      expect([ids(players), ids(teams)]).toEqual([['p'], ['t']]);
      const services = watched(() => caller.registry.services());
      await eventually(() => services()?.toSorted().join(' ') === 'players teams', services);
    });

    test('what was announced before the watch began is seen too', async () => {
      const { owner, caller } = await setup();
      const announcement = owner.registry.announce(instanceOf());
      await eventually(() => announcement.state === 'announced');
      const watch = caller.registry.watch('players', () => {});
      await eventually(
        () => ids(watch).length === 1,
        () => watch.view,
      );
    });

    test('F23: a process with an older generation of the same id is fenced and does not replace the newer', async () => {
      const { owner, caller } = await setup();
      const watch = caller.registry.watch('players', () => {});
      const newer = owner.registry.announce(instanceOf({ generation: 7, port: 7 }));
      await eventually(() => ids(watch).length === 1);
      const older = owner.registry.announce(instanceOf({ generation: 6, port: 6 }));
      await eventually(() => older.state === 'fenced');
      await older.leave();
      expect(newer.state).toBe('announced');
      expect(watch.view.instances.map(({ port }) => port)).toEqual([7]);
    });

    test('F100: a malformed record is skipped, counted and said once; the others live', async () => {
      const { place, owner, caller } = await setup();
      const watch = caller.registry.watch('players', () => {});
      await eventually(() => watch.view.state === 'current');
      await place.put('players', 'broken', '{"id":');
      await place.put('players', 'broken', '{"id":');
      await place.put('players', 'port', JSON.stringify(instanceOf({ id: 'port', port: 65_536 })));
      await place.put('players', 'name', JSON.stringify(instanceOf({ id: 'name', host: 'metadata.internal' })));
      await place.put('players', 'liar', JSON.stringify(instanceOf({ id: 'liar', service: 'payments' })));
      owner.registry.announce(instanceOf({ id: 'good' }));
      const again = caller.registry.watch('players', () => {});
      await eventually(
        () => ids(watch).includes('good') && caller.scope.seen('rejected').length >= 4,
        () => watch.view,
      );
      again.close();
      expect(ids(watch)).toEqual(['good']);
      const said = caller.scope.seen('rejected').map(({ source, id }) => `${source} ${id}`);
      expect(said.sort()).toEqual(['players broken', 'players liar', 'players name', 'players port']);
      const registry = place.countsAs ?? caller.registry.name;
      for (const reason of ['json', 'port', 'host', 'service'])
        expect(caller.scope.metrics.value('registry_rejected', { registry, reason })).toBeGreaterThanOrEqual(1);
    });

    test('F101: where records may lead is up to the rule that the registry is given, for those it reads and those it writes', async () => {
      const { place, open } = await setup();
      const addresses = resolveAddresses('addresses', {
        networks: ['10.1.0.0/16'],
        ports: [8080],
        names: ['*.internal'],
      });
      const { registry, scope } = open({ ...createScope(), addresses });
      const watch = registry.watch('players', () => {});
      await place.put('players', 'out', JSON.stringify(instanceOf({ id: 'out', host: '10.2.0.1' })));
      await place.put('players', 'ssh', JSON.stringify(instanceOf({ id: 'ssh', host: '10.1.0.1', port: 22 })));
      registry.announce(instanceOf({ id: 'name', host: 'a.internal' }));
      registry.announce(instanceOf({ id: 'in', host: '10.1.0.1' }));
      await eventually(
        () => ids(watch).length === 2 && scope.seen('rejected').length >= 2,
        () => [watch.view, scope.seen('rejected')],
      );
      expect(ids(watch)).toEqual(['in', 'name']);
      expect(() => registry.announce(instanceOf({ host: '10.2.0.1' }))).toThrow('its host must be');
      expect(() => registry.announce(instanceOf({ host: '10.1.0.1', port: 81 }))).toThrow('its port must be');
    });

    test('an instance that nobody could call is refused where it is announced', async () => {
      const { owner } = await setup();
      expect(() => owner.registry.announce(instanceOf({ host: '0.0.0.0' }))).toThrow("'players-1' of 'players'");
    });

    test('close can be repeated, withdraws what is announced, and leaves nothing running', async () => {
      const { owner, caller } = await setup();
      const watch = caller.registry.watch('players', () => {});
      const announcement = owner.registry.announce(instanceOf());
      await eventually(() => ids(watch).length === 1);
      await Promise.all([owner.registry.close(), owner.registry.close()]);
      await owner.registry.close();
      expect(announcement.state).toBe('left');
      await eventually(
        () => ids(watch).length === 0,
        () => watch.view,
        2_000,
      );
      await caller.registry.close();
      expect(owner.registry.watch('teams', () => {}).view).toMatchObject({ state: 'stale', instances: [] });
    });
  });
}

/** What a place looks like to who reads it: instances come and go by their own word, and who is hostile writes what he likes. */
function sourceOf(place: Place): Source {
  const owner = place.open(createScope());
  const announced = new Map<string, Announcement>();
  return {
    countsAs: place.countsAs,
    open: (scope) => place.open(scope),
    list: async (service, instances) => {
      const before = [...announced.values()].filter(({ instance }) => instance.service === service);
      for (const { host, port } of instances) {
        const instance = instanceOf({ id: `${service}-${host}`, service, host, port });
        if (announced.has(instance.id)) continue;
        if (callableHost(host)) announced.set(instance.id, owner.announce(instance));
        else await place.put(service, instance.id, JSON.stringify(instance));
      }
      for (const announcement of before) {
        if (instances.some(({ host }) => host === announcement.instance.host)) continue;
        announced.delete(announcement.instance.id);
        await announcement.leave();
      }
    },
    close: async () => {
      await owner.close();
      await place.close();
    },
  };
}
