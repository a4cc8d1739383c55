import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, posix, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';
import packageJson from '../package.json' with { type: 'json' };
import { redisCommands } from './support/redis-commands.ts';
import { readSource, type SourceFile } from './support/source-file.ts';

/**
 * The rules of the layout (docs/concepts.md, CONTRIBUTING.md), checked on what the sources really import and use. Each rule is also given
 * made-up sources that break it, so that a rule which has stopped working is found out here.
 */

type Rule = (files: readonly SourceFile[]) => string[];

const root = resolve(import.meta.dirname, '..');
const sources: readonly SourceFile[] = readdirSync(resolve(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
  .map((name) => resolve(root, 'src', name))
  .map((path) => readSource(relative(root, path).replaceAll('\\', '/'), readFileSync(path, 'utf8')))
  .toSorted((a, b) => (a.path < b.path ? -1 : 1));

/** A source of this package that was never written. */
const madeUp = (path: string, text: string): SourceFile => readSource(path, text);

/** `src/client/got/wrap.ts` is in `client`; `src/mesh.ts` is in no folder. */
const folderOf = (path: string): string => path.match(/^src\/([^/]+)\//)?.[1] ?? '';
const isEntry = (path: string): boolean => path.endsWith('/entry.ts');

const isInside = (specifier: string): boolean => specifier.startsWith('.');
const target = (file: SourceFile, specifier: string): string => posix.join(dirname(file.path), specifier);

const published = new Set(
  Object.values(packageJson.exports).flatMap((entry) =>
    typeof entry === 'string' ? [] : [entry.default.replace('./dist/', 'src/').replace(/\.js$/, '.ts')],
  ),
);

// --- who may import whom

const parts = ['discovery', 'balancer', 'breaker', 'telemetry'];
const mayImport: Readonly<Record<string, readonly string[]>> = {
  core: [],
  discovery: ['core'],
  balancer: ['core'],
  breaker: ['core'],
  telemetry: ['core'],
  testing: ['core'],
  filters: ['core', ...parts],
  client: ['core', ...parts, 'filters'],
  server: ['core', ...parts, 'filters'],
};

const direction: Rule = (files) => {
  const broken: string[] = [];
  for (const file of files) {
    const folder = folderOf(file.path);
    // What is published under a name of its own stands above the mesh, as src/index.ts does.
    if (folder === '' || isEntry(file.path)) continue;
    const allowed = mayImport[folder];
    if (allowed === undefined) broken.push(`${file.path}: the folder '${folder}' has no place in the order`);
    for (const { specifier } of file.imports.filter((one) => isInside(one.specifier))) {
      const other = folderOf(target(file, specifier));
      if (other !== folder && !allowed?.includes(other)) broken.push(`${file.path} imports ${specifier}`);
    }
  }
  return broken;
};

test('folders import only what stands below them, types included', () => {
  expect(direction(sources)).toEqual([]);
  expect(direction([madeUp('src/core/a.ts', `import type { Node } from '../balancer/node.ts';`)])).toEqual([
    'src/core/a.ts imports ../balancer/node.ts',
  ]);
  for (const [path, specifier] of [
    ['src/balancer/a.ts', '../discovery/view.ts'],
    ['src/breaker/a.ts', '../telemetry/log.ts'],
    ['src/telemetry/a.ts', '../filters/stats.ts'],
    ['src/filters/a.ts', '../client/settings.ts'],
    ['src/client/a.ts', '../server/inbound.ts'],
    ['src/client/deep/a.ts', '../../server/inbound.ts'],
    ['src/server/a.ts', '../client/settings.ts'],
    ['src/testing/a.ts', '../client/settings.ts'],
    ['src/server/a.ts', '../mesh.ts'],
    ['src/mystery/a.ts', '../core/clock.ts'],
  ] as const) {
    expect(direction([madeUp(path, `import { x } from '${specifier}';`)]).length).toBeGreaterThan(0);
    expect(direction([madeUp(path, `export const x = () => import('${specifier}');`)]).length).toBeGreaterThan(0);
    expect(direction([madeUp(path, `export let x: import('${specifier}').X;`)]).length).toBeGreaterThan(0);
    expect(direction([madeUp(path, `export * from '${specifier}';`)]).length).toBeGreaterThan(0);
  }
});

const resolved: Rule = (files) => {
  const paths = new Set(files.map(({ path }) => path));
  return files.flatMap((file) =>
    file.imports
      .filter(({ specifier }) => isInside(specifier) && !paths.has(target(file, specifier)))
      .map(({ specifier }) => `${file.path} imports ${specifier}, which is not there`),
  );
};

test('every import of a file leads to one, by its full name', () => {
  expect(resolved(sources)).toEqual([]);
  const a = madeUp('src/core/a.ts', `import { b } from './b.ts';\nimport { c } from './c';`);
  const c = madeUp('src/core/c.ts', 'export const c = 1;');
  expect(resolved([a, c])).toEqual([
    'src/core/a.ts imports ./b.ts, which is not there',
    'src/core/a.ts imports ./c, which is not there',
  ]);
});

const cycles: Rule = (files) => {
  const next = new Map(
    files.map((file) => [
      file.path,
      file.imports.filter(({ specifier }) => isInside(specifier)).map(({ specifier }) => target(file, specifier)),
    ]),
  );
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) found.push([...trail.slice(trail.indexOf(path)), path].join(' → '));
    if (done.has(path) || trail.includes(path)) return;
    for (const one of next.get(path) ?? []) visit(one, [...trail, path]);
    done.add(path);
  };
  for (const { path } of files) visit(path, []);
  return found;
};

test('no file imports itself by a detour, types included', () => {
  expect(cycles(sources)).toEqual([]);
  expect(
    cycles([
      madeUp('src/core/a.ts', `import type { B } from './b.ts';`),
      madeUp('src/core/b.ts', `import { c } from './c.ts';`),
      madeUp('src/core/c.ts', `export let a: import('./a.ts').A;`),
    ]),
  ).toEqual(['src/core/a.ts → src/core/b.ts → src/core/c.ts → src/core/a.ts']);
});

const barrels: Rule = (files) => {
  const broken: string[] = [];
  for (const file of files) {
    const { path } = file;
    if (path === 'src/index.ts') continue;
    if (isEntry(path)) {
      if (!published.has(path)) broken.push(`${path} is not published`);
    } else if (path.endsWith('/index.ts') || file.onlyReExports) broken.push(`${path} is a barrel`);
    for (const { specifier } of file.imports.filter((one) => isInside(one.specifier))) {
      const other = target(file, specifier);
      if (other === 'src/index.ts' || isEntry(other)) broken.push(`${path} imports ${specifier}, which is for users`);
    }
  }
  return broken;
};

test('folders have no barrels; an entry.ts is one that package.json publishes, and nobody inside imports it', () => {
  expect(barrels(sources)).toEqual([]);
  const entry = (text: string, path = 'src/core/a.ts') => barrels([madeUp(path, text)]);
  expect(entry('export const x = 1;', 'src/core/index.ts')).toEqual(['src/core/index.ts is a barrel']);
  expect(entry(`export { x } from './x.ts';\nexport * from './y.ts';`)).toEqual(['src/core/a.ts is a barrel']);
  expect(entry(`export { x } from './x.ts';\nexport const y = 1;`)).toEqual([]);
  expect(entry('export const x = 1;', 'src/core/entry.ts')).toEqual(['src/core/entry.ts is not published']);
  expect(entry('export const x = 1;', 'src/testing/entry.ts')).toEqual([]);
  expect(entry(`import { ManualClock } from '../testing/entry.ts';`)).toHaveLength(1);
  expect(entry(`import { createMesh } from '../index.ts';`)).toHaveLength(1);
});

test('all that package.json publishes has a source', () => {
  const paths = sources.map(({ path }) => path);
  expect([...published].filter((path) => !paths.includes(path))).toEqual([]);
  expect(published.size).toBeGreaterThan(1);
});

// --- packages

interface Owner {
  /** A file, or a folder that ends in `/`. */
  readonly place: string;
  /** Loaded only when used: a static import would make everybody pay for it. */
  readonly dynamic: boolean;
}

const owners: Readonly<Record<string, Owner>> = {
  got: { place: 'src/client/got/entry.ts', dynamic: false },
  'http-cache-semantics': { place: 'src/filters/cache-rules.ts', dynamic: false },
  ioredis: { place: 'src/discovery/redis/', dynamic: true },
  opossum: { place: 'src/breaker/', dynamic: false },
  'p-retry': { place: 'src/filters/', dynamic: false },
  pino: { place: 'src/telemetry/', dynamic: false },
  undici: { place: 'src/client/', dynamic: true },
  '@opentelemetry/api': { place: 'src/telemetry/', dynamic: true },
};

const packages: Rule = (files) => {
  const broken: string[] = [];
  for (const file of files) {
    for (const { specifier, kind } of file.imports) {
      if (isInside(specifier) || specifier.startsWith('node:')) continue;
      const owner = Object.hasOwn(owners, specifier) ? owners[specifier] : undefined;
      if (owner === undefined) broken.push(`${file.path} imports ${specifier}, which is no package of this one`);
      else if (folderOf(file.path) === 'core')
        broken.push(`${file.path} imports ${specifier}, and core imports nothing`);
      else if (kind === 'type') continue;
      else if (!`${file.path}`.startsWith(owner.place))
        broken.push(`${file.path} imports ${specifier}, which is not its own`);
      else if (owner.dynamic && kind === 'static') broken.push(`${file.path} loads ${specifier} before it is used`);
    }
  }
  return broken;
};

test('a package is loaded in one place only, and the heavy ones not before they are used; core loads none', () => {
  expect(packages(sources)).toEqual([]);
  const check = (path: string, text: string) => packages([madeUp(path, text)]).length;
  expect(check('src/core/a.ts', `import type { Got } from 'got';`)).toBe(1);
  expect(check('src/filters/a.ts', `import pRetry from 'p-retry';`)).toBe(0);
  expect(check('src/client/a.ts', `import pRetry from 'p-retry';`)).toBe(1);
  expect(check('src/filters/a.ts', `import CircuitBreaker from 'opossum';`)).toBe(1);
  expect(check('src/client/got/wrap.ts', `import got from 'got';`)).toBe(1);
  expect(check('src/client/got/wrap.ts', `import type { Got } from 'got';`)).toBe(0);
  expect(check('src/client/got/wrap.ts', `import { type Got } from 'got';`)).toBe(1);
  expect(check('src/client/undici.ts', `import { Pool } from 'undici';`)).toBe(1);
  expect(check('src/client/undici.ts', `export const load = () => import('undici');`)).toBe(0);
  expect(check('src/client/undici.ts', `export type Undici = typeof import('undici');`)).toBe(0);
  expect(check('src/server/a.ts', `export const load = () => import('undici');`)).toBe(1);
  expect(check('src/discovery/redis/a.ts', `import { Redis } from 'ioredis';`)).toBe(1);
  expect(check('src/discovery/file/a.ts', `export const load = () => import('ioredis');`)).toBe(1);
  expect(check('src/telemetry/a.ts', `import { trace } from '@opentelemetry/api';`)).toBe(1);
  expect(check('src/telemetry/a.ts', `export { pino } from 'pino';`)).toBe(0);
  expect(check('src/client/a.ts', `import { z } from 'zod';`)).toBe(1);
  expect(check('src/client/a.ts', `import type { z } from 'zod';`)).toBe(1);
  expect(check('src/client/a.ts', `import { readFile } from 'fs';`)).toBe(1);
  expect(check('src/client/a.ts', 'export const load = (name: string) => import(name);')).toBe(1);
});

test('a module of Node is imported by a name that says so, and is one', () => {
  const names = sources.flatMap(({ imports }) => imports.map(({ specifier }) => specifier));
  expect(names.filter((name) => name.startsWith('node:') && !isBuiltin(name))).toEqual([]);
  expect(names.filter((name) => !name.startsWith('node:') && isBuiltin(name))).toEqual([]);
});

// --- what is asked of Redis

/** Commands that would hold up the one connection, or walk through the keys of others. In a script or as a method of a client. */
const SLOW = /^(b[lrz]\w*(pop|push|move)\w*|bzm\w+|xread\w*|wait(aof)?|keys|[hsz]?scan\w*|monitor|sort|randomkey)$/i;

/** The commands of Redis that the text of a file names: `redis.call('X'` in a script, `.x(` of what is a client. */
const commandsIn = (text: string): string[] =>
  [...text.matchAll(/redis\.p?call\('(\w+)'|(?:[cC]lient|[lL]istener|second|usable\(\))\??\.(\w+)\(/g)].map(
    ([, inScript, ofClient]) => (inScript ?? ofClient ?? '').toLowerCase(),
  );

test('F29: no file sends Redis a command that blocks or walks through all keys, and scripts only what is listed', () => {
  const folder = resolve(root, 'src/discovery/redis');
  const all = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  const sent = all.flatMap((name) => commandsIn(readFileSync(resolve(folder, name), 'utf8')));
  expect(sent.filter((name) => SLOW.test(name))).toEqual([]);
  const scripts = commandsIn(readFileSync(resolve(folder, 'scripts.ts'), 'utf8'));
  expect(scripts.filter((name) => !redisCommands.includes(name))).toEqual([]);
  expect(sent).toEqual(expect.arrayContaining(['evalsha', 'eval', 'subscribe', 'zrange', 'ping', 'zadd', 'publish']));
  for (const text of [
    `redis.call('KEYS', '*')`,
    `redis.pcall('SCAN', 0)`,
    `client.xread('BLOCK', 0)`,
    'this.#client?.blpop(key, 0)',
    'this.#usable().wait(1, 0)',
    'this.#listener?.scanStream()',
  ])
    expect([text, commandsIn(text).some((name) => SLOW.test(name))]).toEqual([text, true]);
});

// --- time, chance, and what is used nowhere

const CLOCK = 'src/core/clock.ts';
/** What may be used only in these files; with none, nowhere. */
const bans: readonly (readonly [used: string, allowed: readonly string[]])[] = [
  ['Date.now', [CLOCK]],
  ['new Date()', [CLOCK]],
  ['performance', [CLOCK]],
  ['setTimeout', [CLOCK]],
  ['setInterval', [CLOCK]],
  // The slices of long work let others run in between: that is a matter of turns, not of time.
  ['setImmediate', [CLOCK, 'src/testing/manual-clock.ts', 'src/core/turns.ts', 'src/server/new-connections.ts']],
  ['Math.random', ['src/core/random.ts']],
  ['AsyncLocalStorage', ['src/core/ambient.ts']],
  ['AbortSignal.any', []],
  ['AbortSignal.timeout', []],
  ['process.exit', []],
  ['console', []],
  ['enum {}', []],
  ['namespace {}', []],
  ['export default', []],
];

/** Modules through which the same could be had by another name. */
const bannedModules: readonly (readonly [name: string, allowed: readonly string[]])[] = [
  ['node:timers', []],
  ['node:timers/promises', []],
  ['node:perf_hooks', []],
  ['node:async_hooks', ['src/core/ambient.ts']],
  ['node:console', []],
];

const onlyWhereAllowed: Rule = (files) => {
  const broken: string[] = [];
  for (const { path, uses, imports } of files) {
    for (const [used, allowed] of bans)
      if (uses.has(used) && !allowed.includes(path)) broken.push(`${path} uses ${used}`);
    for (const [name, allowed] of bannedModules)
      if (imports.some(({ specifier }) => specifier === name) && !allowed.includes(path))
        broken.push(`${path} imports ${name}`);
  }
  return broken;
};

test('time, chance and the ambient request come from their one file; signals, exits, consoles, enums, namespaces and default exports from nowhere', () => {
  expect(onlyWhereAllowed(sources)).toEqual([]);
  // A permission that nobody needs is taken back.
  for (const [used, allowed] of [...bans, ...bannedModules])
    for (const path of allowed.filter((one) => one !== CLOCK || used === 'Date.now')) {
      const file = sources.find((one) => one.path === path);
      expect([path, file?.uses.has(used) || file?.imports.some(({ specifier }) => specifier === used)]).toEqual([
        path,
        true,
      ]);
    }
});

test.each([
  ['export const at = Date.now();', 'Date.now'],
  ['export const at = globalThis.Date.now();', 'Date.now'],
  [`export const at = Date['now']();`, 'Date.now'],
  ['const { now } = Date; export { now };', 'Date.now'],
  ['export const now = Date.now;', 'Date.now'],
  ['export const at = new Date();', 'new Date()'],
  ['export const at = +new Date;', 'new Date()'],
  ['export const at = Date();', 'new Date()'],
  ['export const at = performance.now();', 'performance'],
  ['export const at = globalThis.performance.now();', 'performance'],
  ['setTimeout(() => {}, 1);', 'setTimeout'],
  ['globalThis.setTimeout(() => {}, 1);', 'setTimeout'],
  ['export const later = { wait: setTimeout };', 'setTimeout'],
  ['export const later = { setTimeout };', 'setTimeout'],
  [`import { setTimeout as wait } from 'node:timers/promises'; wait(1);`, 'setTimeout'],
  ['const timer = setInterval(() => {}, 1); timer.unref();', 'setInterval'],
  ['await new Promise((resolve) => setImmediate(resolve));', 'setImmediate'],
  [`export const chance = \`\${Math.random()}\`;`, 'Math.random'],
  ['export class A { #chance = Math.random(); }', 'Math.random'],
  ['export const signal = AbortSignal.any([]);', 'AbortSignal.any'],
  ['export const signal = AbortSignal.timeout(5);', 'AbortSignal.timeout'],
  [`import { AsyncLocalStorage as Storage } from 'node:async_hooks'; new Storage();`, 'AsyncLocalStorage'],
  ['if (1 < 2) process.exit(1);', 'process.exit'],
  ['const { exit } = process; exit();', 'process.exit'],
  [`console.log('x');`, 'console'],
  ['export enum State { Open }', 'enum {}'],
  ['export const enum State { Open }', 'enum {}'],
  ['export namespace State { export const x = 1; }', 'namespace {}'],
  ['export default 1;', 'export default'],
  ['const a = 1; export { a as default };', 'export default'],
])('%s is caught', (text, used) => {
  expect(onlyWhereAllowed([madeUp('src/client/a.ts', text)])).toContain(`src/client/a.ts uses ${used}`);
});

test.each([
  '// Date.now() and setTimeout are banned',
  '/** @default `Math.random` */ export const x = 1;',
  `export const text = 'Date.now() setTimeout(console.log) export default enum';`,
  `export const text = \`console.log(\${1 + 1}) AbortSignal.any\`;`,
  'export const pattern = /console|process.exit\\(/;',
  'export const at = (ms: number) => new Date(ms).toISOString();',
  'export const epoch = Date.UTC(2026, 0, 1);',
  'export class Socket { setTimeout(): this { return this; } }',
  'export const wait = (socket: { setTimeout(ms: number): void }) => socket.setTimeout(1);',
  'export const ports = { performance: 1, console: 2 };',
  'export type Timers = { wait: typeof setTimeout; at: Date; of: Performance };',
  'export const abort = (controller: AbortController): AbortSignal => controller.signal;',
])('%s is no use of it', (text) => {
  expect(onlyWhereAllowed([madeUp('src/client/a.ts', text)])).toEqual([]);
});

test('the modules that offer the same by another name are banned with it', () => {
  for (const [name] of bannedModules) {
    expect(onlyWhereAllowed([madeUp('src/client/a.ts', `import * as all from '${name}';`)])).toEqual([
      `src/client/a.ts imports ${name}`,
    ]);
  }
});
