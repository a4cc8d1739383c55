import { describe, expect, test } from 'vitest';
import type { CombinedView, Group } from '../../src/discovery/compose/combination.ts';
import { combineNames } from '../../src/discovery/delegation/combine-names.ts';
import { decide } from '../../src/discovery/delegation/decide.ts';
import { compileRules, type NameRules, type NameTable } from '../../src/discovery/delegation/name-rules.ts';
import { stepsInWords, stepsOf } from '../../src/discovery/delegation/name-step.ts';
import { checkRules, endsOf, expandName } from '../../src/discovery/delegation/name-tree.ts';
import { Naming } from '../../src/discovery/delegation/naming.ts';
import {
  overrideOf,
  parseOverride,
  resolveAllowed,
  resolveOverride,
  withOverride,
} from '../../src/discovery/delegation/override.ts';
import { createMemoryRegistry } from '../../src/discovery/memory.ts';
import { compileQuery, type Query } from '../../src/discovery/query.ts';
import type { View } from '../../src/discovery/registry.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { settled } from '../support/harness.ts';
import { createScope, instanceOf } from './setup.ts';

function tableOf(rules: NameRules) {
  const table = compileRules('names', rules);
  checkRules(table);
  return table;
}

/** Where a name leads to, in order; `!` before a way that ends nowhere. */
function leadsTo(name: string, rules: NameRules, override: Record<string, string> = {}): string {
  const { tree } = expandName(name, tableOf(rules), overrideOf(new Map(Object.entries(override))));
  return endsOf(tree)
    .map((end) => (end.kind === 'service' ? end.name : `!${end.name}`))
    .join(' ');
}

describe('a rule', () => {
  test.each<[name: string, rules: NameRules, leads: string]>([
    ['players', {}, 'players'],
    ['players', { players: 'players-blue' }, 'players-blue'],
    ['teams', { players: 'players-blue' }, 'teams'],
    ['players', { players: 'teams', teams: 'clubs' }, 'clubs'],
    ['players', { players: ['players-eu', 'players'] }, 'players-eu players'],
    ['players', { players: { 'players-v1': 9, 'players-v2': 1 } }, 'players-v1 players-v2'],
    ['players', { players: ['canary', { v1: 9, v2: 1 }, 'players'] }, 'canary v1 v2 players'],
    ['players', { players: ['a', 'b'], a: { c: 1, d: 1 } }, 'c d b'],
    ['shop-cart', { 'shop-*': 'shop.*' }, 'shop.cart'],
    ['shop-cart', { 'shop-*': '*' }, 'cart'],
    ['shop-cart', { 'shop-*': 'shop' }, 'shop'],
    ['shop-', { 'shop-*': 'shop' }, 'shop-'],
    ['shop', { 'shop*': 'all' }, 'shop'],
    ['shops', { 'shop*': 'all-*' }, 'all-s'],
    ['players', { '*': ['*-eu', '*'] }, 'players-eu players'],
    ['players', { '*': { '*-v1': 1, '*-v2': 1 } }, 'players-v1 players-v2'],
  ])('leads %s by %j to %s', (name, rules, leads) => {
    // One of these is no service name, and so no rule is about it.
    expect(leadsTo(name, rules).replace('!', '')).toBe(leads);
  });

  test('that is more special counts, wherever it stands', () => {
    const rules: NameRules = { '*': 'any', 'shop-cart-*': 'special', 'shop-*': 'shop', 'shop-cart-eu': 'exact' };
    const names = ['teams', 'shop-x', 'shop-cart-us', 'shop-cart-eu'];
    const backwards = Object.fromEntries(Object.entries(rules).reverse());
    for (const one of [rules, backwards])
      expect(names.map((name) => tableOf(one).match(name, [])?.rule.label.slice('names.'.length))).toEqual([
        '*',
        'shop-*',
        'shop-cart-*',
        'shop-cart-eu',
      ]);
    // What it makes of the name is a name like any other.
    expect(leadsTo('shop-x', rules)).toBe('any');
  });

  test('never applies to what it made itself: there the next one does', () => {
    expect(leadsTo('players', { players: ['players-canary', 'players'], '*': ['*-eu', '*'] })).toBe(
      'players-canary-eu players-canary players-eu players',
    );
  });

  test('whose rest makes a name too long leads to nobody', () => {
    const long = 'a'.repeat(62);
    expect(leadsTo(long, { '*': ['*-eu', '*'] })).toBe(`!${long}-eu ${long}`);
  });

  const sixteen = Array.from({ length: 16 }, (_, i) => i);
  test.each<[what: string, rules: NameRules]>([
    // Each level leads to sixteen names of the next.
    ['services', Object.fromEntries(sixteen.map((i) => [`l${i}-*`, sixteen.map((j) => `l${i + 1}-${j}`)]))],
    // Each name leads to all others, and all ways end in circles.
    ['circles', Object.fromEntries(sixteen.map((i) => [`l${i}-0`, sixteen.map((j) => `l${j}-0`)]))],
  ])('that leads to more %s than anybody meant is given up before it is looked at whole', (_what, rules) => {
    const { match, examples } = compileRules('names', rules);
    let asked = 0;
    const counting: NameTable = {
      examples,
      match(name, used) {
        if (++asked > 2_000) throw new Error('it goes on and on');
        return match(name, used);
      },
    };
    const { tree } = expandName('l0-0', counting);
    const ends = endsOf(tree);
    expect(ends.length).toBeLessThan(1_000);
    expect(ends.at(-1)).toMatchObject({ kind: 'nobody', reason: "'l0-0' leads to more than 64 services" });
  });

  test.each<[rules: unknown, message: string]>([
    [7, 'names must be an object, not 7'],
    [null, 'names must be an object, not null'],
    [{ Players: 'x' }, "a key of names must be a service name, or the beginning of one and '*', not 'Players'"],
    [{ 'a*b': 'x' }, "a key of names must be a service name, or the beginning of one and '*', not 'a*b'"],
    [{ '-*': 'x' }, 'a key of names must be'],
    [{ players: 7 }, 'names.players must be a service name, a list of them, or weights by name, not 7'],
    [{ players: 'No' }, "names.players must be a service name, not 'No'"],
    [{ players: '*-eu' }, "names.players must be a service name, not '*-eu'"],
    [{ 'p-*': '*-*' }, "names.p-* must be a service name, in which '*' may stand once for the rest, not '*-*'"],
    [{ players: [] }, 'names.players must be a list of 1 to 16 names, not an array'],
    [{ players: ['a', ''] }, "names.players[1] must be a service name, not ''"],
    [{ players: ['a', ['b']] }, 'names.players[1] must be a service name, a list of them, or weights by name'],
    [{ players: {} }, 'names.players must be weights of 1 to 16 names, not an object'],
    [{ players: { 'V 1': 1 } }, "a name of names.players must be a service name, not 'V 1'"],
    [{ players: { v1: -1 } }, 'names.players.v1 must be a number from 0 to 1000, not -1'],
    [{ players: { v1: Number.NaN } }, 'names.players.v1 must be a number from 0 to 1000, not NaN'],
    [{ players: { v1: 0, v2: 0 } }, 'names.players must be weights of which one at least is above 0, not 0'],
    [Object.fromEntries(Array.from({ length: 1_001 }, (_, i) => [`n${i}`, 'x'])), 'names must be at most 1000 rules'],
    [{ a: 'b', b: 'a' }, "names.a must lead to services, not 'a': the way to it is a circle (a → b → a)"],
    [
      { a: ['b', 'c'], c: { d: 1, a: 1 } },
      "names.a must lead to services, not 'a': the way to it is a circle (a → c → a)",
    ],
    [{ 'a-*': 'b-*', 'b-*': 'a-*' }, "names.a-* must lead to services, not 'a-x': the way to it is a circle"],
    [
      Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`n${i}`, `n${i + 1}`])),
      "'n0' is rewritten more than 16 times",
    ],
    [
      {
        a: Array.from({ length: 9 }, (_, i) => `b-${i}`),
        'b-*': Array.from({ length: 9 }, (_, i) => `c${i}-*`),
      },
      "'a' leads to more than 64 services",
    ],
  ])('%# that is wrong is refused where it is made', (rules, message) => {
    const make = () => tableOf(rules as NameRules); // as a caller without types would
    expect(make).toThrow(message);
    expect(make).toThrow(expect.objectContaining({ code: 'MESH_CONFIG' }));
  });
});

describe('an override', () => {
  test('stands before the rules, and what it leads to is rewritten too', () => {
    expect(leadsTo('players', {}, { players: 'players-canary' })).toBe('players-canary players');
    expect(leadsTo('players', { players: ['a', 'b'] }, { players: 'c' })).toBe('c a b');
    expect(leadsTo('players', { c: ['d', 'e'] }, { players: 'c' })).toBe('d e players');
    expect(leadsTo('web', { web: 'players' }, { players: 'c' })).toBe('c players');
    expect(leadsTo('teams', {}, { players: 'c' })).toBe('teams');
  });

  test('that leads in a circle leads to what the rules say', () => {
    expect(leadsTo('a', {}, { a: 'b', b: 'a' })).toBe('!a b a');
    expect(leadsTo('old', { new: 'old' }, { old: 'new' })).toBe('!old old');
  });

  test.each<[header: string, names: Record<string, string> | undefined]>([
    ['players=players-canary', { players: 'players-canary' }],
    [' a=b ,c = d', { a: 'b', c: 'd' }],
    ['', undefined],
    ['a', undefined],
    ['a=', undefined],
    ['a=b=c', undefined],
    ['a=b,', undefined],
    ['a=b,a=c', undefined],
    ['a=B', undefined],
    ['a-*=b', undefined],
    ['a=b; c=d', undefined],
    [
      Array.from({ length: 10 }, (_, i) => `n${i}=x`).join(','),
      Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`n${i}`, 'x'])),
    ],
    [Array.from({ length: 11 }, (_, i) => `n${i}=x`).join(','), undefined],
    [`a=b${' '.repeat(3_000)}`, undefined],
  ])('is read from %j, or not', (header, names) => {
    const parsed = parseOverride(header);
    expect(parsed && Object.fromEntries(parsed)).toEqual(names);
  });

  test('of an application is checked, and stands on top of the one of the request', () => {
    expect(() => resolveOverride('withNames', { players: 'No' })).toThrow('withNames.players must be a service name');
    expect(() => resolveOverride('withNames', { P: 'x' })).toThrow('a key of withNames must be a service name');
    const many = Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`n${i}`, 'x']));
    expect(() => resolveOverride('withNames', many)).toThrow('withNames must be at most 10 names, not 11');
    const under = overrideOf(
      new Map([
        ['b', 'x'],
        ['a', 'x'],
      ]),
    );
    expect(under.header).toBe('a=x, b=x');
    expect(withOverride(under, new Map([['b', 'y']])).header).toBe('a=x, b=y');
    const full = overrideOf(new Map(Array.from({ length: 10 }, (_, i) => [`n${i}`, 'x'])));
    expect(withOverride(full, new Map([['own', 'y']])).names.size).toBe(10);
    expect(withOverride(full, new Map([['own', 'y']])).names.get('own')).toBe('y');
  });

  test('is allowed as the application says', () => {
    const ask = (allowed: Parameters<typeof resolveAllowed>[1]) => resolveAllowed('nameOverrides', allowed);
    expect([ask(undefined), ask(false)]).toEqual([undefined, undefined]);
    expect(ask(true)?.('a', 'b')).toBe(true);
    const listed = ask(['canary', 'players-*']);
    expect(['canary', 'players-x', 'players', 'teams-x'].map((to) => listed?.('a', to))).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect(ask((from) => from === 'a')?.('a', 'b')).toBe(true);
    // @ts-expect-error a string is no list
    expect(() => ask('canary')).toThrow(
      "nameOverrides must be true, false, a list of names, or a function, not 'canary'",
    );
    expect(() => ask(['a', 'B-*'])).toThrow("nameOverrides[1] must be a service name, or the beginning of one and '*'");
  });
});

describe('what a name comes to', () => {
  const services = ['a', 'b', 'c'];
  const known = (id: string, fields: Partial<View> = {}): View => ({
    state: 'current',
    instances: [instanceOf({ id })],
    suspects: new Set(),
    revision: 1,
    asOf: 1,
    reason: '',
    ...fields,
  });
  const pending: View = { ...known(''), state: 'pending', instances: [], asOf: Number.NaN, reason: 'not yet' };
  const empty: View = { ...known(''), instances: [] };
  const treeOf = (target: NameRules[string]) => expandName('players', tableOf({ players: target })).tree;
  const decided = (target: NameRules[string], views: readonly View[], patient: boolean) =>
    decide(treeOf(target), { services, views, patient, matches: () => true });

  test('waits for an alternative that was not heard of yet, while there is patience', () => {
    const views = [empty, pending, known('c')];
    expect(decided(['a', 'b', 'c'], views, true)).toMatchObject({ waiting: true, deciding: [0, 1], picks: [] });
    expect(decided(['a', 'b', 'c'], views, false)).toMatchObject({
      waiting: false,
      deciding: [0, 1, 2],
      picks: [{ service: 2, share: 1 }],
    });
    expect(decided(['c', 'b'], views, true)).toMatchObject({ waiting: false, deciding: [2] });
  });

  test('waits for each part of a split that gets calls, while there is patience', () => {
    const views = [known('a'), pending, pending];
    expect(decided({ a: 1, b: 1 }, views, true).waiting).toBe(true);
    expect(decided({ a: 1, b: 0 }, views, true).waiting).toBe(false);
    expect(decided({ a: 1, b: 1 }, views, false)).toMatchObject({ waiting: false, picks: [{ service: 0, share: 1 }] });
  });

  test('goes no way while it is waited for', () => {
    const step = stepsOf(treeOf({ a: 1, b: 1 }), {
      services,
      views: [known('a'), pending, pending],
      patient: true,
      matches: () => true,
    });
    expect(step.next.map(({ share }) => share)).toEqual([0, 0]);
  });

  test('is as old as the oldest of those that get calls, and as sure as all that decide', () => {
    const combine = combineNames(treeOf(['c', { a: 1, b: 1 }]), services, () => true);
    const views = [
      known('a', { asOf: 9 }),
      known('b', { asOf: 7 }),
      { ...empty, state: 'stale', asOf: 3, reason: 'away' },
    ];
    expect(combine(views as View[], false)).toMatchObject({ asOf: 7, state: 'stale', reason: 'c: away' });
  });
});

function following(rules: NameRules, service = 'players', options: { where?: Query; override?: string } = {}) {
  const clock = new ManualClock();
  const scope = createScope(clock);
  const hub = createMemoryRegistry();
  const registry = hub.registry(scope);
  const owner = hub.registry(createScope(clock));
  const naming = new Naming(tableOf(rules), { ...scope, registry, startedAt: clock.now() });
  const names = parseOverride(options.override ?? '');
  const views: CombinedView[] = [];
  const named = naming.watch(
    { service, where: compileQuery('where', options.where), override: names && overrideOf(names) },
    (view) => views.push(view),
  );
  const announce = (name: string, id: string, fields: Parameters<typeof instanceOf>[0] = {}) =>
    owner.announce(instanceOf({ service: name, id, ...fields }));
  const ids = () => named.watch.view.instances.map(({ id }) => id).join(' ');
  const groups = () => named.watch.view.groups?.map(({ share, instances }: Group) => [share, instances.length]);
  const words = () => {
    const path = named.path();
    return path === undefined ? [] : stepsInWords(path);
  };
  return { clock, scope, hub, registry, naming, named, views, announce, ids, groups, words };
}

describe('a name that is followed', () => {
  test('without a rule is the watch of the registry itself', async () => {
    const { named, announce, ids, words } = following({ teams: 'clubs' });
    announce('players', 'a');
    expect(ids()).toBe('a');
    expect([named.services, named.path(), words()]).toEqual([[], undefined, []]);
    expect('groups' in named.watch.view).toBe(false);
  });

  test('goes to the first alternative that has somebody, and back to an earlier one that has somebody again', async () => {
    const { announce, ids, views, scope, words, named } = following({ players: ['players-eu', 'players'] });
    announce('players', 'p');
    await settled();
    expect(ids()).toBe('p');
    expect(words()).toEqual([
      'players: names.players, the first of, 100 %',
      '  players-eu: 0 known, current, 0 %',
      '  players: 1 known, current, 100 %',
    ]);
    const eu = announce('players-eu', 'e');
    await settled();
    expect(ids()).toBe('e');
    expect(views.at(-1)).toBe(named.watch.view);
    await eu.leave();
    await settled();
    expect(ids()).toBe('p');
    const own = scope.seen('view').filter(({ joined, left }) => joined.length > 0 && left.length > 0);
    expect(own).toEqual([
      { service: 'players', known: 1, joined: ['e'], left: ['p'] },
      { service: 'players', known: 1, joined: ['p'], left: ['e'] },
    ]);
  });

  test('passes over an alternative that has nobody who is meant', async () => {
    const { announce, ids, words } = following({ players: ['players-eu', 'players'] }, 'players', {
      where: { environment: 'production' },
    });
    announce('players-eu', 'staging', { attributes: { environment: 'staging' } });
    expect(ids()).toBe('staging');
    announce('players', 'p', { attributes: { environment: 'production' } });
    expect(ids()).toBe('p');
    expect(words().at(1)).toBe('  players-eu: 1 known, current, 0 %');
  });

  test('is split by weight among those that have somebody', async () => {
    const { announce, ids, groups, words } = following({ players: { v1: 9, v2: 1, v3: 10, v4: 0 } });
    announce('v1', 'a');
    announce('v1', 'b');
    expect([ids(), groups()]).toEqual(['a b', undefined]);
    announce('v2', 'c');
    announce('v4', 'd');
    expect([ids(), groups()]).toEqual([
      'a b c',
      [
        [0.9, 2],
        [0.1, 1],
      ],
    ]);
    expect(words()).toEqual([
      'players: names.players, split, 100 %',
      '  v1: 2 known, current, 90 %',
      '  v2: 1 known, current, 10 %',
      '  v3: 0 known, current, 0 %',
      '  v4: 1 known, current, 0 %',
    ]);
  });

  test('keeps the shares of a split within a split, also when a part of it has nobody', async () => {
    const { announce, groups } = following({ players: { a: 3, b: 1 }, b: { c: 1, d: 1 } });
    for (const name of ['a', 'c', 'd']) announce(name, name);
    expect(groups()).toEqual([
      [0.75, 1],
      [0.125, 1],
      [0.125, 1],
    ]);
    const { announce: again, groups: now } = following({ players: { a: 3, b: 1 }, b: { c: 1, d: 1 } });
    for (const name of ['a', 'd']) again(name, name);
    expect(now()).toEqual([
      [0.75, 1],
      [0.25, 1],
    ]);
  });

  test('counts a service once to which two ways lead', async () => {
    const { announce, groups, ids } = following({ players: { a: 1, b: 1, c: 2 }, a: 'x', b: 'x' });
    announce('x', 'x1');
    announce('c', 'c1');
    expect([ids(), groups()]).toEqual([
      'c1 x1',
      [
        [0.5, 1],
        [0.5, 1],
      ],
    ]);
  });

  test('tells apart two instances of the same id, and who of them failed', async () => {
    const { announce, ids, hub, named, clock } = following({ players: { v1: 1, v2: 1 } });
    announce('v1', 'same');
    announce('v2', 'same', { port: 81 });
    await settled();
    expect(ids()).toBe('same v2/same');
    const before = named.watch.view;
    expect(named.watch.view.instances).toBe(before.instances);
    hub.kill('same');
    await settled();
    expect([...named.watch.view.suspects].sort()).toEqual(['same', 'v2/same']);
    named.watch.failed('v2/same');
    expect(ids()).toBe('same');
    named.watch.failed('same');
    expect(ids()).toBe('');
    named.watch.failed('nobody');
    named.watch.close();
    expect(clock.pending).toBe(0);
  });

  test('asks the calls about a suspect by the id that they know it by', async () => {
    const { announce, ids, hub, naming, named, clock } = following({ players: { v1: 1, v2: 1 } });
    for (const service of ['v1', 'v2']) for (const id of ['gone', 'stays']) announce(service, id);
    const answeredAt = (id: string) => (id === 'v2/gone' ? clock.now() : Number.NEGATIVE_INFINITY);
    const where = compileQuery('where');
    const asked = naming.watch({ service: 'players', where, override: undefined }, () => {}, { answeredAt });
    hub.kill('gone');
    await clock.advance(100_000);
    // Its name stays, though nobody else has that id any more.
    expect(ids()).toBe('stays v2/gone v2/stays');
    asked.watch.close();
    named.watch.close();
    expect(clock.pending).toBe(0);
  });

  test('keeps whom it knew while the registry is away, and says so', async () => {
    const { announce, hub, named } = following({ players: ['players-eu', 'players'] });
    announce('players-eu', 'e');
    announce('players', 'p');
    hub.partition();
    expect(named.watch.view).toMatchObject({ state: 'stale', reason: 'players-eu: partitioned' });
    hub.heal();
    expect(named.watch.view).toMatchObject({ state: 'current', reason: '' });
  });

  test('that goes another way for a request is no news of the service', async () => {
    const { announce, ids, scope, words } = following({}, 'players', { override: 'players=players-canary' });
    announce('players', 'p');
    await settled();
    expect(ids()).toBe('p');
    announce('players-canary', 'c');
    await settled();
    expect(ids()).toBe('c');
    expect(words().at(0)).toBe('players: mesh-names players, the first of, 100 %');
    expect(scope.seen('view').filter(({ left }) => left.length > 0)).toEqual([]);
  });

  test('is watched once for all that ask the same, and no longer than they do', async () => {
    const { naming, named, registry, scope, announce } = following({ players: ['players-eu', 'players'] });
    let watched = 0;
    const original = registry.watch.bind(registry);
    registry.watch = (...given) => {
      watched++;
      return original(...given);
    };
    const where = compileQuery('where');
    const second = naming.watch({ service: 'players', where, override: undefined }, () => {});
    expect(watched).toBe(0);
    announce('players', 'p');
    await settled();
    expect(scope.seen('view').filter(({ joined }) => joined.includes('p')).length).toBe(2);
    second.watch.close();
    named.watch.close();
    second.watch.close();
    naming.watch({ service: 'players', where, override: undefined }, () => {}).watch.close();
    expect(watched).toBe(2);
  });

  test('tells of a change once, though it is followed for several queries, and for as long as one of them is', async () => {
    const { naming, named, scope, announce } = following({ players: ['players-eu', 'players'] });
    const follow = (where: Query) =>
      naming.watch({ service: 'players', where: compileQuery('where', where), override: undefined }, () => {});
    const others = [follow({ zone: 'a' }), follow({ zone: 'b' })];
    const told = () =>
      scope.seen('view').filter(({ service, joined }) => service === 'players' && joined.includes('e'));
    named.watch.close();
    announce('players-eu', 'e');
    await settled();
    expect(told().length).toBe(1);
    for (const { watch } of others) watch.close();
  });

  test('leads to nobody where a rest makes no name: said once, and the rest of the way is taken', async () => {
    const long = 'a'.repeat(62);
    const { announce, ids, scope, naming } = following({ '*': ['*-eu', '*'] }, long);
    const where = compileQuery('where', { zone: 'a' });
    naming.watch({ service: long, where, override: undefined }, () => {});
    announce(long, 'l');
    expect(ids()).toBe('l');
    expect(scope.seen('rejected')).toEqual([
      { source: `names, for '${long}'`, id: `${long}-eu`, reason: 'it is no service name' },
    ]);
  });
});
