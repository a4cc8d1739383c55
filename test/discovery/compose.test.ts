import { describe, expect, test } from 'vitest';
import type { Combination } from '../../src/discovery/compose/combination.ts';
import { Combined } from '../../src/discovery/compose/combined.ts';
import { merged } from '../../src/discovery/compose/merged.ts';
import { createMemoryRegistry } from '../../src/discovery/memory.ts';
import { openRegistry, type RegistryOption } from '../../src/discovery/open-registry.ts';
import type { Announcement, Registry, RegistryFactory, View, Watch } from '../../src/discovery/registry.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { settled } from '../support/harness.ts';
import { registryContract } from './contract.ts';
import { createScope, instanceOf } from './setup.ts';

const ids = ({ view }: Watch) => view.instances.map(({ id }) => id);
const LIST = { players: ['http://10.0.9.9:80'] };
const LISTED = '10.0.9.9:80';

for (const [name, option] of [
  ['[static, memory]', (hub: RegistryFactory): RegistryOption => [{}, hub]],
  ['merged(memory, static)', (hub: RegistryFactory): RegistryOption => merged(hub, { other: ['http://10.0.0.9'] })],
] as const) {
  registryContract(name, async () => {
    const hub = createMemoryRegistry();
    return {
      open: (scope) => {
        const registry = openRegistry('registry', option(hub.registry))(scope);
        // What a list in code holds is no answer to what the contract asks of shared places.
        return Object.assign(registry, { services: async () => ['players', 'teams'] });
      },
      put: async (service, id, text) => hub.put(service, id, text),
      countsAs: 'memory',
      close: async () => {},
    };
  });
}

/** A registry of which the test says what it answers. */
class Played implements Registry {
  readonly name: string;
  readonly failures: string[] = [];
  closed = 0;
  #view: View = {
    state: 'pending',
    instances: [],
    suspects: new Set(),
    revision: 0,
    asOf: Number.NaN,
    reason: 'not yet',
  };
  readonly #listeners = new Set<(view: View) => void>();

  constructor(name: string) {
    this.name = name;
  }

  says(fields: Partial<View>): void {
    const reason = fields.state === 'stale' ? 'cut off' : '';
    this.#view = { ...this.#view, state: 'current', reason, asOf: 1, ...fields, revision: this.#view.revision + 1 };
    for (const listener of this.#listeners) listener(this.#view);
  }

  watch(_service: string, listener: (view: View) => void): Watch {
    this.#listeners.add(listener);
    const registry = this;
    return {
      get view() {
        return registry.#view;
      },
      failed: (id) => this.failures.push(id),
      close: () => this.#listeners.delete(listener),
    };
  }

  announce(): never {
    throw new Error('nobody announces here');
  }

  async services(): Promise<readonly string[]> {
    return [this.name];
  }

  async close(): Promise<void> {
    this.closed++;
  }
}

const a = instanceOf({ id: 'a' });
const b = instanceOf({ id: 'b' });
const c = instanceOf({ id: 'c' });

function setup(how: 'in order' | 'merged' = 'in order', names: readonly string[] = ['first', 'second']) {
  const clock = new ManualClock();
  const scope = createScope(clock);
  const parts = names.map((name) => new Played(name));
  const [first, second] = parts;
  if (first === undefined || second === undefined) throw new Error('there are at least two');
  const registry = openRegistry('registry', how === 'merged' ? merged(...parts) : parts)(scope);
  const views: View[] = [];
  const watch = registry.watch('players', (view) => views.push(view));
  return { clock, scope, first, second, parts, registry, watch, views };
}

describe('several registries in order', () => {
  test('the first that knows the service decides, and the view moves to it when it comes to know', async () => {
    const { first, second, watch, views, scope } = setup();
    first.says({});
    second.says({ instances: [b] });
    await settled();
    expect(ids(watch)).toEqual(['b']);
    first.says({ instances: [a] });
    await settled();
    expect(watch.view).toMatchObject({ state: 'current', instances: [a], reason: '' });
    expect(views.at(-1)).toBe(watch.view);
    expect(scope.seen('view')).toEqual([
      { service: 'players', known: 1, joined: ['b'], left: [] },
      { service: 'players', known: 1, joined: ['a'], left: ['b'] },
    ]);
  });

  test('one that lost its registry still knows whom it knew, and nothing moves', async () => {
    const { first, second, watch } = setup();
    first.says({ instances: [a], asOf: 5 });
    second.says({ instances: [b] });
    first.says({ state: 'stale', asOf: 5 });
    await settled();
    expect(watch.view).toMatchObject({ state: 'stale', instances: [a], reason: 'first: cut off', asOf: 5 });
  });

  test('a flush of the first moves nobody to the second', async () => {
    const hub = createMemoryRegistry();
    const clock = new ManualClock();
    const registry = openRegistry('registry', [hub.registry, LIST])(createScope(clock));
    const owner = hub.registry(createScope(clock));
    for (const id of ['a', 'b', 'c', 'd']) owner.announce(instanceOf({ id }));
    const seen: string[] = [];
    const watch = registry.watch('players', ({ instances }) => seen.push(instances.map(({ id }) => id).join(' ')));
    await settled();
    hub.partition();
    hub.flush();
    await settled();
    expect(ids(watch)).toEqual(['a', 'b', 'c', 'd']);
    hub.heal();
    await settled();
    expect(ids(watch)).toEqual(['a', 'b', 'c', 'd']);
    expect(seen.every((view) => view === 'a b c d')).toBe(true);
    await registry.close();
    await owner.close();
    expect(clock.pending).toBe(0);
  });

  test('when all that the first knew have left, the second is asked', async () => {
    const hub = createMemoryRegistry();
    const scope = createScope();
    const registry = openRegistry('registry', [hub.registry, LIST])(scope);
    const own = hub.registry(createScope()).announce(instanceOf({ id: 'a' }));
    const watch = registry.watch('players', () => {});
    expect(ids(watch)).toEqual(['a']);
    await own.leave();
    expect(ids(watch)).toEqual([LISTED]);
    await registry.close();
  });

  test('one that has not answered yet is waited for, but not for ever', async () => {
    const { clock, first, second, watch, views } = setup();
    second.says({ instances: [b] });
    await clock.advance(1_499);
    expect(watch.view).toMatchObject({ state: 'pending', instances: [], reason: 'first: not yet' });
    await clock.advance(6);
    expect(watch.view).toMatchObject({ state: 'stale', instances: [b], reason: 'first: not yet' });
    expect(views.at(-1)).toBe(watch.view);
    first.says({ instances: [a] });
    await settled();
    expect(watch.view).toMatchObject({ state: 'current', instances: [a] });
    expect(clock.pending).toBe(0);
  });

  test('one that has not answered is waited for shorter once the process runs', async () => {
    const { clock, registry, second } = setup();
    await clock.advance(5_000);
    second.says({ instances: [b] });
    const late = registry.watch('teams', () => {});
    await clock.advance(74);
    expect(ids(late)).toEqual([]);
    await clock.advance(6);
    expect(ids(late)).toEqual(['b']);
  });

  test('one that is out of reach before it ever answered is not waited for', async () => {
    const { clock, first, second, watch } = setup();
    second.says({ instances: [b] });
    first.says({ state: 'stale', asOf: Number.NaN });
    await settled();
    expect(watch.view).toMatchObject({ state: 'stale', instances: [b], reason: 'first: cut off', asOf: 1 });
    expect(clock.pending).toBe(0);
  });

  test('one that comes after the one that decides says nothing about the state', async () => {
    const { first, second, watch } = setup();
    first.says({ instances: [a] });
    second.says({ state: 'stale' });
    await settled();
    expect(watch.view).toMatchObject({ state: 'current', reason: '' });
  });

  test('when nobody knows anybody the reason names all that are away', async () => {
    const { clock, first, second, watch, parts } = setup('in order', ['first', 'second', 'third']);
    first.says({ state: 'stale', asOf: 3 });
    second.says({ state: 'stale', asOf: 2 });
    parts[2]?.says({ asOf: 9 });
    await clock.advance(2_000);
    expect(watch.view).toMatchObject({ state: 'stale', instances: [], reason: 'first, second: cut off', asOf: 2 });
  });

  test('a failed endpoint is told to the registry that listed it', async () => {
    const { first, second, watch } = setup();
    first.says({ instances: [a] });
    second.says({ instances: [b] });
    await settled();
    watch.failed('a');
    expect([first.failures, second.failures]).toEqual([['a'], []]);
  });
});

describe('several registries merged', () => {
  test('an instance is known when one of them lists it', async () => {
    const { first, second, watch } = setup('merged');
    first.says({ instances: [a, c] });
    second.says({ instances: [b], suspects: new Set(['b']), asOf: 0.5 });
    await settled();
    expect(watch.view).toMatchObject({ state: 'current', instances: [a, b, c], asOf: 0.5 });
    expect([...watch.view.suspects]).toEqual(['b']);
  });

  test('of two with the same id the newer generation counts, then the earlier registry', async () => {
    const { first, second, watch } = setup('merged');
    first.says({ instances: [instanceOf({ id: 'a', generation: 1 }), instanceOf({ id: 'b', port: 1 })] });
    second.says({ instances: [instanceOf({ id: 'a', generation: 2 }), instanceOf({ id: 'b', port: 2 })] });
    await settled();
    expect(watch.view.instances.map(({ id, generation, port }) => [id, generation, port])).toEqual([
      ['a', 2, 8080],
      ['b', 1, 1],
    ]);
  });

  test('one is a suspect only when all that list it doubt it', async () => {
    const { first, second, watch } = setup('merged');
    first.says({ instances: [a, b], suspects: new Set(['a', 'b']) });
    second.says({ instances: [b, instanceOf({ id: 'a', generation: 0 })] });
    await settled();
    expect([...watch.view.suspects]).toEqual(['a']);
  });

  test('a newer generation that is doubted where it is listed is a suspect, whoever is sure of an older one', async () => {
    const { first, second, watch } = setup('merged');
    first.says({ instances: [a] });
    second.says({ instances: [instanceOf({ id: 'a', generation: 2 })], suspects: new Set(['a']) });
    await settled();
    expect(watch.view.instances.map(({ generation }) => generation)).toEqual([2]);
    expect([...watch.view.suspects]).toEqual(['a']);
  });

  test('what one lost stays, and the reason names it', async () => {
    const { first, second, watch } = setup('merged');
    first.says({ instances: [a] });
    second.says({ instances: [b] });
    second.says({ state: 'stale' });
    await settled();
    expect(watch.view).toMatchObject({ state: 'stale', instances: [a, b], reason: 'second: cut off' });
  });

  test('a failed endpoint is told to all that list it', async () => {
    const { first, second, watch } = setup('merged');
    first.says({ instances: [a, b] });
    second.says({ instances: [b] });
    await settled();
    watch.failed('b');
    expect([first.failures, second.failures]).toEqual([['b'], ['b']]);
  });
});

describe('the parts of several registries', () => {
  test('ask the calls before a suspect goes: one that still answers stays', async () => {
    const clock = new ManualClock();
    const hub = createMemoryRegistry();
    const registry = openRegistry('registry', merged(hub.registry, {}))(createScope(clock));
    const owner = hub.registry(createScope(clock));
    for (const id of ['a', 'b', 'c']) owner.announce(instanceOf({ id }));
    const answeredAt = (id: string) => (id === 'b' ? clock.now() : Number.NEGATIVE_INFINITY);
    const asked = registry.watch('players', () => {}, { answeredAt });
    const plain = registry.watch('players', () => {});
    hub.kill('b');
    hub.kill('c');
    await clock.advance(100_000);
    expect(ids(plain)).toEqual(['a', 'b']);
    asked.close();
    await clock.advance(100_000);
    expect(ids(plain)).toEqual(['a']);
    await registry.close();
    expect(clock.pending).toBe(0);
  });

  test('a burst of changes is told once, and what changes nothing is not told', async () => {
    const { first, second, views, watch } = setup('merged');
    first.says({ instances: [a] });
    second.says({ instances: [b] });
    first.says({ instances: [a, c] });
    expect(ids(watch)).toEqual(['a', 'b', 'c']);
    await settled();
    expect(views.length).toBe(1);
    first.says({ instances: [a, c], asOf: 7 });
    await settled();
    expect(views.length).toBe(1);
    expect(watch.view.revision).toBe(views[0]?.revision);
  });

  test('one that throws is as good as lost: told once, and the others go on', async () => {
    const broken = new Played('broken');
    broken.says({ instances: [a] });
    let breaks = false;
    const watchOf = broken.watch.bind(broken);
    broken.watch = (service, listener) => {
      const watch = watchOf(service, listener);
      return {
        get view() {
          if (breaks) throw new Error('mine');
          return watch.view;
        },
        failed: () => {
          throw new Error('mine');
        },
        close: () => {
          throw new Error('mine');
        },
      };
    };
    const scope = createScope(new ManualClock());
    const registry = openRegistry('registry', merged(broken, LIST))(scope);
    const watch = registry.watch('players', () => {});
    expect(ids(watch)).toEqual([LISTED, 'a']);
    breaks = true;
    for (let i = 0; i < 3; i++) expect(ids(watch)).toEqual([LISTED, 'a']);
    expect(watch.view).toMatchObject({ state: 'stale', reason: 'broken: it failed (mine)' });
    expect(scope.seen('fault').map(({ source }) => source)).toEqual(['registry broken']);
    breaks = false;
    expect(watch.view).toMatchObject({ state: 'current', reason: '' });
    breaks = true;
    expect(watch.view.state).toBe('stale');
    expect(scope.seen('fault').length).toBe(2);
    watch.failed('a');
    watch.close();
    await registry.close();
  });

  test('one whose watch cannot even begin is as good as lost', async () => {
    const broken = new Played('broken');
    broken.watch = () => {
      throw new Error('mine');
    };
    const scope = createScope();
    const registry = openRegistry('registry', [broken, LIST])(scope);
    const watch = registry.watch('players', () => {});
    expect(watch.view).toMatchObject({ state: 'stale', reason: 'broken: it failed (mine)' });
    expect(ids(watch)).toEqual([LISTED]);
    expect(scope.seen('fault').length).toBe(1);
    await registry.close();
  });

  test('the services are those of all; one that does not answer is not waited for', async () => {
    const { clock, registry, first, second } = setup();
    first.services = () => new Promise(() => {});
    const asked = registry.services();
    await clock.advance(1_010);
    expect(await asked).toEqual(['second']);
    second.services = () => Promise.reject(new Error('mine'));
    first.services = async () => ['teams'];
    expect(await registry.services()).toEqual(['teams']);
  });

  test('all are closed, also when one of them fails to', async () => {
    const { registry, first, second } = setup();
    first.close = () => {
      throw new Error('mine');
    };
    await registry.close();
    expect(second.closed).toBe(1);
  });

  test('a factory that throws leaves none of the others open', () => {
    const first = new Played('first');
    const option = openRegistry('registry', [
      first,
      () => {
        throw new Error('mine');
      },
    ]);
    expect(() => option(createScope())).toThrow('mine');
    expect(first.closed).toBe(1);
  });
});

test.each<[what: string, fields: Partial<Combination>]>([
  ['its state', { state: 'stale' }],
  ['the reason', { reason: 'away' }],
  ['its instances', { instances: [a] }],
  ['a suspect', { suspects: new Set(['b']) }],
  ['where it is from', { from: 'second' }],
  [
    'a share',
    {
      groups: [
        { share: 0.5, instances: [a] },
        { share: 0.5, instances: [b] },
      ],
    },
  ],
  [
    'the members of a part',
    {
      groups: [
        { share: 0.9, instances: [a, b] },
        { share: 0.1, instances: [] },
      ],
    },
  ],
])('a combined view is another when %s is, and only then', async (_, fields) => {
  const scope = createScope(new ManualClock());
  const part = new Played('part');
  part.says({});
  const groups = [
    { share: 0.9, instances: [a] },
    { share: 0.1, instances: [b] },
  ];
  const first = {
    state: 'current',
    reason: '',
    instances: [a, b],
    suspects: new Set(['a']),
    asOf: 1,
    from: 'first',
    groups,
  } as const;
  let made: Combination = first;
  const source = { name: 'part', open: (listener: (view: View) => void) => part.watch('players', listener) };
  const combined = new Combined({
    service: 'players',
    scope,
    sources: [source],
    combine: () => made,
    patienceMs: 0,
    told: () => false,
  });
  const heard: View[] = [];
  combined.listen((view) => heard.push(view));
  const becomes = async (next: Combination) => {
    made = next;
    part.says({});
    await settled();
    return heard.length;
  };
  expect(
    await becomes({ ...first, asOf: 2, suspects: new Set(['a']), groups: groups.map((one) => ({ ...one })) }),
  ).toBe(0);
  expect(await becomes({ ...first, ...fields })).toBe(1);
  expect(combined.view.revision).toBe(1);
  combined.close();
});

describe('what this process says of itself in several registries', () => {
  function announced() {
    const clock = new ManualClock();
    const hubs = [createMemoryRegistry(), createMemoryRegistry()] as const;
    const scope = createScope(clock);
    const registry = openRegistry('registry', [hubs[0].registry, hubs[1].registry, LIST])(scope);
    const readers = hubs.map((hub) => hub.registry(createScope(clock)).watch('players', () => {}));
    return { hubs, scope, registry, readers };
  }

  test('is said in each, is announced when all know, and is withdrawn from all', async () => {
    const { hubs, scope, registry, readers } = announced();
    hubs[1].partition();
    const announcement = registry.announce(instanceOf({ id: 'a' }));
    expect(announcement.state).toBe('retrying');
    hubs[1].heal();
    expect(announcement.state).toBe('announced');
    expect(readers.map(ids)).toEqual([['a'], ['a']]);
    await announcement.leave();
    await announcement.leave();
    expect(readers.map(ids)).toEqual([[], []]);
    expect(announcement.state).toBe('left');
    expect(scope.seen('announcement').map(({ state }) => state)).toEqual(['retrying', 'announced', 'left']);
    await registry.close();
  });

  test('F23: is fenced as soon as one of them knows a newer process', async () => {
    const { hubs, registry } = announced();
    const older = registry.announce(instanceOf({ id: 'a', generation: 1 }));
    hubs[1].registry(createScope()).announce(instanceOf({ id: 'a', generation: 2 }));
    expect(older.state).toBe('fenced');
    await registry.close();
  });

  test('has left at once, though one of them is slow to know', () => {
    const slow = new Played('slow');
    const instance = instanceOf();
    const announcement: Announcement = { instance, state: 'announced', leave: () => new Promise(() => {}) };
    const registry = openRegistry('registry', [Object.assign(slow, { announce: () => announcement }), LIST])(
      createScope(),
    );
    const joint = registry.announce(instance);
    expect(joint.state).toBe('announced');
    void joint.leave();
    expect(joint.state).toBe('left');
  });

  test('reaches those that can take it when one throws; throws when none can', async () => {
    const scope = createScope();
    const hub = createMemoryRegistry();
    const registry = openRegistry('registry', [new Played('deaf'), hub.registry])(scope);
    const announcement = registry.announce(instanceOf());
    expect(announcement.state).toBe('announced');
    expect(scope.seen('fault').map(({ source }) => source)).toEqual(['registry deaf']);
    const deaf = openRegistry('registry', [new Played('deaf'), new Played('deaf too')])(createScope());
    expect(() => deaf.announce(instanceOf())).toThrow('nobody announces here');
    await registry.close();
  });
});

describe('the option', () => {
  test('names what is wrong by its place', () => {
    const wrong = (value: unknown) => () => openRegistry('registry', value);
    expect(wrong(['redis://127.0.0.1:1', 'mysql://x'])).toThrow('registry[1] must be');
    expect(wrong([{}, [{}, 7]])).toThrow('registry[1][1] must be');
    expect(wrong([{}, { players: ['10.0.0.1'] }])).toThrow('registry[1].players[0] must be a URL');
    expect(wrong([])).toThrow('registry must be');
    expect(() => merged()).toThrow('merged must be given at least one registry');
    expect(() => merged('redis://127.0.0.1:1', 'mysql://x')).toThrow('merged[1] must be');
  });

  test('F114: shows no password of any part', async () => {
    expect(() => openRegistry('registry', ['redsi://user:secret@host', {}])).toThrow(/^(?!.*secret)/);
    const registry = openRegistry('registry', [{}, merged('redis://u:secret@127.0.0.1:1', 'file:.x')])(createScope());
    expect(registry.name).toMatch(/^\[static, merged\(redis:\/\/127\.0\.0\.1:1, file:.*x\)\]$/);
    await registry.close();
  });

  test('an array of one is that one', async () => {
    expect(openRegistry('registry', [{}])(createScope()).name).toBe('static');
  });
});
