import { afterEach, describe, expect, test } from 'vitest';
import type { Instance, Registry, RegistryScope, View, Watch } from '../../src/discovery/registry.ts';
import { createScope, eventually, instanceOf, type TestScope } from './setup.ts';

/** Where an instance is listed. Ids are the registry's affair. */
export type Listed = Pick<Instance, 'host' | 'port'>;

/** What a registry under test reads. */
export interface Source {
  /** A registry of another process that reads it. */
  open(scope: RegistryScope): Registry;
  /** Makes `instances` all that is listed of a service. One that is `fixed` is told so only before it is opened. */
  list(service: string, instances: readonly Listed[]): Promise<void>;
  /** Under which name it counts the records that it skips. @default the name of the registry */
  readonly countsAs?: string | undefined;
  /** Takes it out of reach, and back; of one that `canBeCut`. */
  readonly reach?: { cut(): Promise<void>; mend(): Promise<void> };
  /** Takes it away, after the registries were closed. */
  close(): Promise<void>;
}

/** What a registry under test is like. */
export interface Traits {
  /** It never changes. */
  readonly fixed?: boolean;
  /** It has no word for those who leave: who is not listed any more is in doubt, and goes when it fails. */
  readonly silent?: boolean;
  /** A test can take it out of reach. */
  readonly canBeCut?: boolean;
}

const at = (watch: Watch) => watch.view.instances.map(({ host, port }) => `${host}:${port}`).toSorted();

const one: Listed = { host: '10.0.0.1', port: 8080 };
const two: Listed = { host: '10.0.0.2', port: 8081 };

/** What every registry owes to those who call, whether this process can be announced in it or not. */
export function readerContract(name: string, makeSource: () => Promise<Source>, traits: Traits = {}): void {
  describe(`${name} registry, for who reads it`, () => {
    const cleanups: (() => Promise<void>)[] = [];
    afterEach(async () => {
      for (const cleanup of cleanups.splice(0)) await cleanup();
    });

    async function setup() {
      const source = await makeSource();
      const opened: Registry[] = [];
      cleanups.push(async () => {
        await Promise.all(opened.map((registry) => registry.close()));
        await source.close();
      });
      const open = (scope: TestScope = createScope()) => {
        const registry = source.open(scope);
        opened.push(registry);
        return { registry, scope };
      };
      return { source, open };
    }

    test('what is listed is seen, each as an instance that can be called', async () => {
      const { source, open } = await setup();
      await source.list('players', [one, two]);
      const { registry, scope } = open();
      const watch = registry.watch('players', () => {});
      await eventually(
        () => at(watch).length === 2,
        () => watch.view,
      );
      expect(at(watch)).toEqual(['10.0.0.1:8080', '10.0.0.2:8081']);
      expect(watch.view).toMatchObject({ state: 'current', reason: '' });
      expect(watch.view.suspects.size).toBe(0);
      for (const instance of watch.view.instances)
        expect(instance).toMatchObject({ service: 'players', protocol: 'http', status: 'up' });
      expect(new Set(watch.view.instances.map(({ id }) => id)).size).toBe(2);
      expect(scope.seen('rejected')).toEqual([]);
    });

    test('a service that is not listed is known to be empty', async () => {
      const { open } = await setup();
      const watch = open().registry.watch('players', () => {});
      await eventually(() => watch.view.state !== 'pending');
      expect(watch.view).toMatchObject({ state: 'current', instances: [], reason: '' });
    });

    test('two services are two', async () => {
      const { source, open } = await setup();
      await source.list('players', [one]);
      await source.list('teams', [two]);
      const { registry } = open();
      const players = registry.watch('players', () => {});
      const teams = registry.watch('teams', () => {});
      await eventually(() => at(players).length === 1 && at(teams).length === 1);
      expect([at(players), at(teams)]).toEqual([['10.0.0.1:8080'], ['10.0.0.2:8081']]);
      expect(await registry.services()).toBeInstanceOf(Array);
    });

    test('a name that is none is refused where it is asked for', async () => {
      const { open } = await setup();
      expect(() => open().registry.watch('../Players', () => {})).toThrow('service must be a service name');
    });

    test('close can be repeated, and a watch keeps its last view', async () => {
      const { source, open } = await setup();
      await source.list('players', [one]);
      const { registry } = open();
      const watch = registry.watch('players', () => {});
      await eventually(() => at(watch).length === 1);
      await Promise.all([registry.close(), registry.close()]);
      await registry.close();
      expect(at(watch)).toEqual(['10.0.0.1:8080']);
      expect(registry.watch('teams', () => {}).view).toMatchObject({ state: 'stale', instances: [] });
    });

    if (traits.fixed === true) return;

    test('what comes is seen, in a view that is whole, and said once', async () => {
      const { source, open } = await setup();
      const { registry, scope } = open();
      const views: View[] = [];
      const watch = registry.watch('players', (view) => views.push(view));
      await eventually(() => watch.view.state === 'current');
      await source.list('players', [one]);
      await eventually(
        () => views.at(-1)?.instances.length === 1,
        () => watch.view,
      );
      // `asOf` may have moved on since: a reading that finds nothing new is a newer `watch.view`, and told to nobody.
      expect(watch.view).toEqual({ ...views.at(-1), asOf: watch.view.asOf });
      const [id] = watch.view.instances.map((instance) => instance.id);
      expect(scope.seen('view')).toEqual([{ service: 'players', known: 1, joined: [id], left: [] }]);
    });

    test('what is listed still is the same object, whatever came beside it', async () => {
      const { source, open } = await setup();
      await source.list('players', [one]);
      const watch = open().registry.watch('players', () => {});
      await eventually(() => at(watch).length === 1);
      const [first] = watch.view.instances;
      await source.list('players', [one, two]);
      await eventually(
        () => at(watch).length === 2,
        () => watch.view,
      );
      expect(watch.view.instances.find(({ host }) => host === one.host)).toBe(first);
    });

    test('what is listed no more goes, at the latest when it cannot be reached, and only it', async () => {
      const { source, open } = await setup();
      await source.list('players', [one, two]);
      const watch = open().registry.watch('players', () => {});
      await eventually(() => at(watch).length === 2);
      const gone = watch.view.instances.find(({ host }) => host === one.host)?.id ?? '';
      await source.list('players', [two]);
      if (traits.silent === true) {
        await eventually(
          () => watch.view.suspects.has(gone),
          () => watch.view,
        );
        expect(at(watch).length).toBe(2);
        watch.failed(gone);
      }
      await eventually(
        () => at(watch).length === 1,
        () => watch.view,
      );
      expect(at(watch)).toEqual(['10.0.0.2:8081']);
      watch.failed(watch.view.instances[0]?.id ?? '');
      expect(at(watch)).toEqual(['10.0.0.2:8081']);
    });

    test('a listener that throws hurts nobody', async () => {
      const { source, open } = await setup();
      const { registry, scope } = open();
      let told = 0;
      registry.watch('players', () => {
        throw new Error('mine');
      });
      registry.watch('players', (view) => {
        told = view.instances.length;
      });
      await source.list('players', [one]);
      await eventually(() => told === 1);
      expect(scope.seen('fault').length).toBeGreaterThanOrEqual(1);
    });

    test('a watch that was closed hears nothing more, and its neighbours do', async () => {
      const { source, open } = await setup();
      const { registry } = open();
      let heard = 0;
      const closed = registry.watch('players', () => heard++);
      const watch = registry.watch('players', () => {});
      await eventually(() => watch.view.state === 'current');
      const before = heard;
      closed.close();
      closed.close();
      await source.list('players', [one]);
      await eventually(() => at(watch).length === 1);
      expect(heard).toBe(before);
    });

    test('F101: an address that nobody may be sent to is skipped, counted and said once; the others live', async () => {
      const { source, open } = await setup();
      const { registry, scope } = open();
      const watch = registry.watch('players', () => {});
      await eventually(() => watch.view.state === 'current');
      await source.list('players', [{ host: '169.254.169.254', port: 80 }, one]);
      await eventually(
        () => at(watch).length === 1 && scope.seen('rejected').length > 0,
        () => watch.view,
      );
      expect(at(watch)).toEqual(['10.0.0.1:8080']);
      expect(scope.seen('rejected').map(({ source: of }) => of)).toEqual(['players']);
      expect(
        scope.metrics.value('registry_rejected', { registry: source.countsAs ?? registry.name, reason: 'host' }),
      ).toBeGreaterThanOrEqual(1);
    });

    if (traits.canBeCut !== true) return;

    test('F3: out of reach, it takes nobody away, is said once, and what changed meanwhile is seen after', async () => {
      const { source, open } = await setup();
      await source.list('players', [one]);
      const { registry, scope } = open();
      const watch = registry.watch('players', () => {});
      await eventually(() => at(watch).length === 1);
      await source.reach?.cut();
      await eventually(
        () => watch.view.state === 'stale',
        () => watch.view,
      );
      expect(watch.view.reason).not.toBe('');
      watch.failed(watch.view.instances[0]?.id ?? '');
      expect(at(watch)).toEqual(['10.0.0.1:8080']);
      await source.list('players', [one, two]);
      await source.reach?.mend();
      await eventually(
        () => at(watch).length === 2 && watch.view.state === 'current',
        () => watch.view,
        15_000,
      );
      expect(scope.seen('registry').map(({ state }) => state)).toEqual(['connected', 'lost', 'connected']);
    });
  });
}

/** What a registry owes that only reads: nobody can be announced in it. */
export function readOnlyContract(name: string, makeSource: () => Promise<Source>): void {
  test(`${name} registry: an announcement writes nothing, is said once with the reason, and can be left`, async () => {
    const source = await makeSource();
    const scope = createScope();
    const registry = source.open(scope);
    try {
      const watch = registry.watch('players', () => {});
      const announcement = registry.announce(instanceOf());
      expect(announcement.state).toBe('announced');
      await eventually(() => watch.view.state === 'current');
      expect(watch.view.instances).toEqual([]);
      const [said, ...more] = scope.seen('announcement');
      expect([said?.state, more]).toEqual(['announced', []]);
      expect(said?.reason).toContain('nothing is written');
      expect(() => registry.announce(instanceOf({ host: '0.0.0.0' }))).toThrow("'players-1' of 'players'");
      await announcement.leave();
      await announcement.leave();
      expect(announcement.state).toBe('left');
    } finally {
      await registry.close();
      await source.close();
    }
  });
}
