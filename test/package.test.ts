import { execFile } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import packageJson from '../package.json' with { type: 'json' };

/** The package as npm would publish it, installed for an application that has nothing but its dependencies. */

/** The types of all libraries are checked, which on a busy machine takes its time. */
const COMPILING_MS = 120_000;
const run = promisify(execFile);
const root = resolve(import.meta.dirname, '..');
const work = mkdtempSync(join(tmpdir(), 'heddle-package-'));
const application = join(work, 'application');
const installed = join(application, 'node_modules', 'heddle');
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
const entries = Object.keys(packageJson.exports)
  .filter((name) => name !== './package.json')
  .map((name) => name.replace('.', 'heddle'));

/** Gives the application a package that this repository has. */
function install(name: string): void {
  const link = join(application, 'node_modules', name);
  mkdirSync(dirname(link), { recursive: true });
  symlinkSync(join(root, 'node_modules', name), link);
}

beforeAll(async () => {
  const built = join(work, 'built');
  mkdirSync(built);
  await run(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', join(built, 'dist')]);
  cpSync(join(root, 'package.json'), join(built, 'package.json'));
  for (const file of packageJson.files)
    if (file !== 'dist' && existsSync(join(root, file))) cpSync(join(root, file), join(built, file));
  await run('npm', ['pack', '--ignore-scripts', '--pack-destination', work], { cwd: built });
  mkdirSync(installed, { recursive: true });
  const archive = join(work, `heddle-${packageJson.version}.tgz`);
  await run('tar', ['-xzf', archive, '-C', installed, '--strip-components=1']);
  for (const name of [...Object.keys(packageJson.dependencies), '@types/node', 'undici-types']) install(name);
  writeFileSync(join(application, 'package.json'), JSON.stringify({ name: 'application', private: true }));
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

/** Runs a module of the application; gives what it printed, once its process ended by itself. */
async function runModule(source: string, type: 'module' | 'commonjs' = 'module'): Promise<string> {
  const flags = ['--no-warnings', `--input-type=${type}`, '-e', source];
  const { stdout } = await run(process.execPath, flags, { cwd: application, timeout: 15_000 });
  return stdout;
}

test('the package holds its code with types, and its papers: no sources, no tests, no maps', () => {
  const files = readdirSync(installed, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.\w+$|^LICENSE$/.test(name),
  );
  expect(files.filter((name) => !name.startsWith('dist')).sort()).toEqual(
    ['LICENSE', 'README.md', 'CHANGELOG.md', 'package.json'].sort(),
  );
  const code = files.filter((name) => name.startsWith('dist'));
  expect(code.filter((name) => !/(\.js|\.d\.ts)$/.test(name))).toEqual([]);
  for (const name of code.filter((one) => one.endsWith('.js'))) expect(code).toContain(name.replace(/\.js$/, '.d.ts'));
  expect(code.length).toBeGreaterThan(50);
});

test('an application that installs it gets its seven dependencies and nothing else', () => {
  expect(Object.keys(packageJson.dependencies).sort()).toEqual([
    'got',
    'http-cache-semantics',
    'ioredis',
    'opossum',
    'p-retry',
    'pino',
    'undici',
  ]);
  expect(
    'scripts' in packageJson && Object.keys(packageJson.scripts).filter((name) => /install|prepare/.test(name)),
  ).toEqual([]);
});

interface Locked {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly resolved?: string;
}

test('what decides for the cache is what got brings along: one copy for both', () => {
  const lock: Record<string, Locked> = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const copies = Object.keys(lock).filter((path) => path.endsWith('/http-cache-semantics') && !path.includes('@types'));
  expect(copies).toEqual(['node_modules/http-cache-semantics']);
  expect(lock['node_modules/cacheable-request']?.dependencies).toHaveProperty('http-cache-semantics');
  expect(lock['node_modules/got']?.dependencies).toHaveProperty('cacheable-request');
});

test('the lock has every package of every platform, and no address of a registry', () => {
  const text = readFileSync(join(root, 'package-lock.json'), 'utf8');
  const lock: Record<string, Locked> = JSON.parse(text).packages;
  const missing: string[] = [];
  for (const [path, { optionalDependencies = {}, resolved }] of Object.entries(lock)) {
    if (resolved !== undefined) expect(resolved).toBe('tools/node');
    for (const name of Object.keys(optionalDependencies))
      if (!(`${path}/node_modules/${name}` in lock) && !(`node_modules/${name}` in lock))
        missing.push(`${name} of ${path}`);
  }
  // npm refuses to install from a lock that leaves one out, on every platform.
  expect(missing).toEqual([]);
});

test.each(entries)('%s loads with import and with require, and gives the same', async (name) => {
  const show = 'console.log(JSON.stringify(Object.keys(all).filter((key) => key !== "module.exports").sort()))';
  const imported = await runModule(`import * as all from '${name}'; ${show}`);
  const required = await runModule(`const all = require('${name}'); ${show}`, 'commonjs');
  expect(required).toBe(imported);
});

test('the main entry and the test kit give what their documentation says', async () => {
  const names = async (name: string) => runModule(`console.log(Object.keys(await import('${name}')).join(' '))`);
  expect(await names('heddle')).toMatch(/\bcreateMesh\b/);
  expect(await names('heddle')).toMatch(/\bisMeshError\b.*\bmeshOf\b/);
  expect(await names('heddle/testing')).toMatch(/\bManualClock\b.*\bseededRandom\b/);
  expect(await names('heddle/got')).toMatch(/\bcreateGot\b/);
  expect(await names('heddle/dns')).toMatch(/\bdnsRegistry\b/);
  expect(await names('heddle/redis')).toMatch(/\bredisRegistry\b/);
  expect(await names('heddle/kubernetes')).toMatch(/\bkubernetesRegistry\b/);
  expect(await names('heddle/consul')).toMatch(/\bconsulRegistry\b/);
});

test('nothing inside can be reached past the entries', async () => {
  await expect(runModule(`await import('heddle/dist/core/clock.js')`)).rejects.toThrow('ERR_PACKAGE_PATH_NOT_EXPORTED');
});

test('loading it, and making a mesh on a list, loads none of the heavy packages', async () => {
  const loaded = await runModule(`
    import { registerHooks } from 'node:module';
    const seen = [];
    registerHooks({ resolve(name, context, next) { const found = next(name, context); seen.push(name); return found; } });
    const { createMesh } = await import('heddle');
    const mesh = createMesh({ self: { service: 'teams' }, registry: { players: ['http://127.0.0.1:3000'] }, logger: false });
    await mesh.close();
    console.log(seen.filter((name) => !/^[./]|^file:|^node:/.test(name)).join(' '));`);
  expect(loaded).toContain('heddle');
  for (const name of ['got', 'ioredis', 'undici', '@opentelemetry/api']) expect(loaded.split(/\s/)).not.toContain(name);
});

test('an application ends by itself once its mesh is closed', async () => {
  const printed = await runModule(`
    import { createMesh } from 'heddle';
    const mesh = createMesh({ self: { service: 'teams' }, registry: { players: ['http://127.0.0.1:1'] }, logger: false });
    const failed = await mesh.client('players').get('/').then(() => 'answered', (error) => error.code);
    await mesh.close();
    console.log(failed);`);
  expect(printed).toBe('MESH_CONNECT\n');
});

const use = `import { createMesh, type Filter, isMeshError, meshOf, type Mesh } from 'heddle';
import { createGot } from 'heddle/got';
import { redisRegistry } from 'heddle/redis';
import type { Inbound } from 'heddle/server';
import { ManualClock, seededRandom } from 'heddle/testing';

const mesh: Mesh = createMesh({ self: { service: 'teams' }, registry: redisRegistry({ url: 'redis://127.0.0.1' }) });
const fetched: typeof globalThis.fetch = mesh.wrap(globalThis.fetch);
const text: Promise<string> = createGot(mesh)('http://players/').text();
const inbound: Inbound = mesh.inbound;
const now: number = new ManualClock().now() + seededRandom(1)();
mesh.on('breaker', async ({ service, trips }) => [service, trips]);
try {
  await fetched('http://players/');
} catch (error) {
  if (isMeshError(error)) console.log(error.code, error.resend, meshOf(error)?.attempts.length);
}
const filter: Filter<number, string> = (next) => (req, ctx) => {
  ctx.headers.push('x-attempt', String(ctx.attempt), 'x-endpoint', ctx.endpoint?.id ?? '');
  ctx.onEnd(() => console.log(ctx.verdict, ctx.signal.aborted));
  // @ts-expect-error: what is internal is not published
  ctx.fork(0);
  // @ts-expect-error: nor what only the balancer knows
  console.log(ctx.node);
  return next(req, ctx);
};
const answer: Promise<string> = mesh.service('ledger', async (id: number, { endpoint, signal }) => endpoint.host + id + signal.aborted, {
  filters: (stack) => stack.insertBefore('retry', 'mine', filter),
})(7);
// @ts-expect-error: there is no such event
mesh.on('braeker', () => {});
// @ts-expect-error: a number of milliseconds
createMesh({ self: { service: 'teams' }, registry: {}, defaults: { deadlineMs: '10s' } });
console.log(text, inbound, now, answer);
`;

/** What the compiler has against that use of the package. */
async function complaints(options: object): Promise<string> {
  const strict = { strict: true, exactOptionalPropertyTypes: true, noEmit: true, target: 'es2024', module: 'nodenext' };
  const compilerOptions = { ...strict, types: ['node'], ...options };
  writeFileSync(join(application, 'use.mts'), use);
  writeFileSync(join(application, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['use.mts'] }));
  return run(process.execPath, [tsc, '-p', application]).then(
    () => '',
    (error: { stdout: string }) => error.stdout,
  );
}

test(
  'its types hold for an application in strict TypeScript that checks those of libraries too',
  async () => {
    expect(await complaints({ skipLibCheck: false })).toBe('');
  },
  COMPILING_MS,
);

test(
  'its types hold for an application that has the OpenTelemetry API',
  async () => {
    install('@opentelemetry/api');
    expect(await complaints({ skipLibCheck: false })).toBe('');
  },
  COMPILING_MS,
);
