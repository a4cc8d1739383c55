import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { resolveAddresses } from '../../src/discovery/address-options.ts';
import { DiskViews } from '../../src/discovery/cache/disk-views.ts';
import type { Instance, LastViews } from '../../src/discovery/registry.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { createScope, eventually, inheritedNames, instanceOf, type TestScope, watched } from './setup.ts';

const DAY_MS = 86_400_000;
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'heddle-cache-'));
  cleanups.push(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A service of `count`, such as a registry knew it. */
function instances(count: number, fields: Partial<Instance> = {}): readonly Instance[] {
  const attributes = Object.assign(Object.create(null), { zone: 'a' });
  return Array.from({ length: count }, (_, i) =>
    instanceOf({ id: `players-${i}`, host: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, attributes, ...fields }),
  );
}

interface Opened {
  readonly views: DiskViews;
  readonly scope: TestScope;
  readonly clock: ManualClock;
  /** Saves a view of players, and waits until it is on the disk or has failed. */
  save(known: readonly Instance[], registry?: string): Promise<void>;
  /** What a process finds of players. */
  recall(registry?: string): ReturnType<LastViews['recall']>;
}

function open(
  folder: string,
  {
    maxAgeMs = DAY_MS,
    clock = new ManualClock(),
    ...given
  }: Partial<TestScope> & { maxAgeMs?: number; clock?: ManualClock } = {},
): Opened {
  const scope = { ...createScope(clock), ...given };
  const views = new DiskViews(folder, maxAgeMs, scope);
  const tried = () => scope.metrics.value('cache_written') + scope.metrics.value('cache_failed');
  return {
    views,
    scope,
    clock,
    async save(known, registry = 'memory') {
      const before = tried();
      views.save({ registry, service: 'players', savedAt: clock.wall(), instances: known });
      await eventually(() => {
        // While the write before is not quite over, there is no time set for this one yet.
        if (clock.pending > 0) void clock.advance(20_000);
        return tried() > before;
      });
    },
    recall: (registry = 'memory') => views.recall(registry, 'players'),
  };
}

/** The only file in a folder. */
async function onlyFile(folder: string): Promise<string> {
  const names = await readdir(folder);
  expect(names.length).toBe(1);
  return join(folder, names[0] ?? '');
}

describe('views on disk', () => {
  test('are found by the next process as they were saved, with their age', async () => {
    const folder = await makeFolder();
    const known = instances(3, { protocol: 'https', weight: 0.5, generation: 7 });
    const first = open(folder);
    await first.save(known);
    await first.views.close();
    const second = open(folder);
    const found = await second.recall();
    expect(found).toEqual({ registry: 'memory', service: 'players', savedAt: Date.UTC(2026, 0, 1), instances: known });
    expect(Object.getPrototypeOf(found?.instances[0]?.attributes)).toBe(null);
    expect(second.scope.metrics.value('cache_recalled')).toBe(1);
    expect(await second.views.recall('memory', 'teams')).toBeUndefined();
    expect(second.scope.seen('cache')).toEqual([]);
    expect(first.clock.pending).toBe(0);
  });

  test('F98: are for this user only, and leave nothing else behind', async () => {
    const folder = join(await makeFolder(), 'made', 'here');
    const { save } = open(folder);
    await save(instances(2));
    const path = await onlyFile(folder);
    expect([(await stat(folder)).mode & 0o777, (await stat(path)).mode & 0o777]).toEqual([0o700, 0o600]);
    await save(instances(3));
    expect(await onlyFile(folder)).toBe(path);
  });

  test('F98: what a process left behind that died while it wrote is cleared away, what another writes now is not', async () => {
    const folder = await makeFolder();
    const { clock, save } = open(folder);
    await writeFile(join(folder, 'players.0.view.old.tmp'), '');
    await utimes(join(folder, 'players.0.view.old.tmp'), clock.wall() / 1_000 - 7_200, clock.wall() / 1_000 - 7_200);
    await writeFile(join(folder, 'players.0.view.new.tmp'), '');
    await utimes(join(folder, 'players.0.view.new.tmp'), clock.wall() / 1_000, clock.wall() / 1_000);
    await save(instances(1));
    const names = watched(async () => (await readdir(folder)).filter((name) => name.endsWith('.tmp')).join(' '));
    await eventually(() => names() === 'players.0.view.new.tmp', names);
  });

  test('of another registry are not found, and no name leads out of the folder', async () => {
    const outer = await makeFolder();
    const folder = join(outer, 'views');
    const { save, recall } = open(folder);
    await save(instances(1), 'redis://a:6379 default');
    expect((await recall('redis://a:6379 default'))?.instances.length).toBe(1);
    for (const registry of ['redis://b:6379 default', 'redis://a:6379 other', '', '../x', '__proto__', 'a/b\0c']) {
      expect(await recall(registry)).toBeUndefined();
      await save(instances(1), registry);
      expect((await recall(registry))?.registry).toBe(registry);
    }
    expect(await readdir(outer)).toEqual(['views']);
    expect((await readdir(folder)).length).toBe(7);
  });

  test('are written at most once a second, the latest one', async () => {
    const folder = await makeFolder();
    const { views, clock, scope, recall } = open(folder);
    for (let i = 1; i <= 100; i++) {
      views.save({ registry: 'memory', service: 'players', savedAt: clock.wall(), instances: instances(i) });
      await clock.advance(30);
    }
    await views.close();
    expect(scope.metrics.value('cache_written')).toBeLessThanOrEqual(4);
    expect((await recall())?.instances.length).toBe(100);
  });

  test('are written one after the other: what comes while one is written waits its time', async () => {
    const { views, clock, scope, recall } = open(await makeFolder());
    const save = (count: number) =>
      views.save({ registry: 'memory', service: 'players', savedAt: clock.wall(), instances: instances(count) });
    save(1);
    await clock.advance(1_000);
    save(2);
    expect(clock.pending).toBe(0);
    await eventually(() => scope.metrics.value('cache_written') === 1 && clock.pending === 1);
    await views.close();
    expect((await recall())?.instances.length).toBe(2);
  });

  test('that are due are written before the mesh is closed', async () => {
    const folder = await makeFolder();
    const { views, clock, recall } = open(folder);
    views.save({ registry: 'memory', service: 'players', savedAt: clock.wall(), instances: instances(2) });
    await views.close();
    expect((await recall())?.instances.length).toBe(2);
    expect(clock.pending).toBe(0);
  });

  test('may be shared: whoever writes last wins, and nobody finds half of one', async () => {
    const folder = await makeFolder();
    const [a, b, reader] = [open(folder), open(folder), open(folder)];
    for (let round = 0; round < 5; round++) {
      const writing = [a.save(instances(700)), b.save(instances(900))];
      const found: number[] = [];
      const reading = (async () => {
        for (let i = 0; i < 20; i++) found.push((await reader.recall())?.instances.length ?? 0);
      })();
      await Promise.all([...writing, reading]);
      expect(found.filter((length) => ![0, 700, 900].includes(length))).toEqual([]);
    }
    expect(reader.scope.seen('cache')).toEqual([]);
  });

  test('of 10,000 instances are written and read with turns for others in between', async () => {
    const folder = await makeFolder();
    const { save, recall } = open(folder);
    let turns = 0;
    let counting = true;
    const count = () => {
      turns++;
      if (counting) setImmediate(count);
    };
    count();
    await save(instances(10_000));
    const ofWriting = turns;
    expect((await recall())?.instances.length).toBe(10_000);
    counting = false;
    expect(ofWriting).toBeGreaterThan(40);
    expect(turns - ofWriting).toBeGreaterThan(20);
  });

  test('F104: have attributes called as what objects inherit', async () => {
    const folder = await makeFolder();
    const first = open(folder);
    await first.save([instanceOf({ attributes: inheritedNames() })]);
    await first.views.close();
    const attributes = (await open(folder).recall())?.instances[0]?.attributes ?? {};
    expect(Object.entries(attributes)).toEqual(Object.entries(inheritedNames()));
    expect(Object.getPrototypeOf(attributes)).toBe(null);
  });

  test('F101: are read under the rule of addresses that holds now', async () => {
    const folder = await makeFolder();
    await open(folder).save([...instances(2), instanceOf({ id: 'other', host: '192.168.0.1' })]);
    const addresses = resolveAddresses('addresses', { networks: ['10.0.0.0/8'] });
    const { scope, recall } = open(folder, { addresses });
    expect((await recall())?.instances.map(({ id }) => id)).toEqual(['players-0', 'players-1']);
    expect(scope.seen('rejected')).toMatchObject([{ id: 'record 3' }]);
    expect(scope.metrics.value('registry_rejected', { registry: 'cache', reason: 'host' })).toBe(1);
  });

  test('are ignored when they are older than allowed, and taken when the clock has jumped back', async () => {
    const folder = await makeFolder();
    await open(folder).save(instances(1));
    const late = open(folder, { clock: new ManualClock(0, Date.UTC(2026, 0, 1) + 3_700_000), maxAgeMs: 3_600_000 });
    expect(await late.recall()).toBeUndefined();
    expect(late.scope.seen('cache')).toMatchObject([{ state: 'ignored', reason: expect.stringMatching(/older than/) }]);
    const early = open(folder, { clock: new ManualClock(0, Date.UTC(1970, 0, 1)) });
    expect((await early.recall())?.instances.length).toBe(1);
  });
});

describe('F1: a view on disk is ignored, counted and said', () => {
  const flip = (text: string, at: number) => `${text.slice(0, at)}${text[at] === '1' ? '2' : '1'}${text.slice(at + 1)}`;
  const lines = (text: string) => text.split('\n');
  const withHead = (text: string, head: object) =>
    [JSON.stringify({ ...JSON.parse(lines(text)[0] ?? ''), ...head }), ...lines(text).slice(1)].join('\n');
  const broken: readonly (readonly [what: string, change: (text: string) => string, why: RegExp])[] = [
    ['empty', () => '', /its end is missing/],
    ['cut off within its first line', (text) => text.slice(0, 20), /cut off/],
    ['cut off after a line', (text) => lines(text).slice(0, 3).join('\n').concat('\n'), /its end is missing/],
    ['cut off within a record', (text) => text.slice(0, 300), /cut off/],
    ['cut off within its checksum', (text) => text.slice(0, -10), /cut off/],
    ['changed in a record', (text) => flip(text, text.indexOf('10.0.0.1') + 7), /checksum/],
    ['changed in its time', (text) => flip(text, text.indexOf('savedAt') + 9), /checksum/],
    ['longer than it was', (text) => `${text}x\n`, /something follows/],
    ['twice there', (text) => text + text, /something follows/],
    ['without a line', (text) => lines(text).toSpliced(2, 1).join('\n'), /checksum/],
    ['not text', () => '\0\u{1f600}\n'.repeat(100), /not JSON/],
    ['of one endless line', () => 'x'.repeat(200_000), /too long/],
    ['of another version', (text) => withHead(text, { heddle: 2 }), /another version/],
    ['of another registry', (text) => withHead(text, { registry: 'other' }), /another registry/],
    ['of another service', (text) => withHead(text, { service: 'teams' }), /another registry or service/],
    ['without a time', (text) => withHead(text, { savedAt: null }), /how old/],
    ['null', () => 'null\n', /no object/],
  ];
  test.each(broken)('when it is %s', async (_what, change, why) => {
    const folder = await makeFolder();
    await open(folder).save(instances(5));
    const path = await onlyFile(folder);
    await writeFile(path, change(await readFile(path, 'utf8')));
    const { recall, scope } = open(folder);
    expect(await recall()).toBeUndefined();
    expect(scope.metrics.value('cache_ignored')).toBe(1);
    expect(scope.seen('cache')).toEqual([
      { folder, service: 'players', state: 'ignored', reason: expect.stringMatching(why) },
    ]);
  });

  test('when its bytes are no UTF-8', async () => {
    const folder = await makeFolder();
    await open(folder).save(instances(5));
    const path = await onlyFile(folder);
    const bytes = await readFile(path);
    bytes[200] = 0xff;
    await writeFile(path, bytes);
    const { recall } = open(folder);
    expect(await recall()).toBeUndefined();
  });

  test('when it is larger than any view, a folder, or a pipe that nobody writes to', async () => {
    const folder = await makeFolder();
    await open(folder).save(instances(5));
    const path = await onlyFile(folder);
    await truncate(path, 100_000_000);
    const { recall, scope } = open(folder);
    expect(await recall()).toBeUndefined();
    await rm(path);
    await mkdir(path);
    expect(await recall()).toBeUndefined();
    await rm(path, { recursive: true });
    execFileSync('mkfifo', [path]);
    expect(await recall()).toBeUndefined();
    const reasons = scope.seen('cache').map(({ reason }) => reason.slice(path.length));
    expect(reasons).toEqual([expect.stringMatching(/more than/), ': it is no file', ': it is no file']);
  });
});

/** Whether a file system of our own can be mounted: as root, where that is allowed. */
function mountSmall(folder: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    return false;
  }
  cleanups.push(() => execFileSync('umount', [folder]));
  return true;
}

describe('F98: a disk that refuses', () => {
  test('is counted and said once, and once more when it takes views again', async () => {
    const outer = await makeFolder();
    const folder = join(outer, 'views');
    await writeFile(folder, 'a file where the folder should be');
    const { views, save, recall, scope } = open(folder);
    expect(await recall()).toBeUndefined();
    for (let i = 0; i < 3; i++) await save(instances(i + 1));
    await rm(folder);
    for (let i = 0; i < 3; i++) await save(instances(i + 1));
    await views.close();
    const states = scope.seen('cache').map(({ state }) => state);
    expect(states).toEqual(['ignored', 'failed', 'working']);
    expect(scope.seen('cache')[1]?.reason).toMatch(/ENOTDIR|EEXIST/);
    expect([scope.metrics.value('cache_failed'), scope.metrics.value('cache_written')]).toEqual([3, 3]);
    expect((await recall())?.instances.length).toBe(3);
  });

  test('because it is full keeps the view it had, and no part of the new one', async (context) => {
    const folder = await makeFolder();
    if (!mountSmall(folder)) context.skip('nothing can be mounted here');
    const { save, recall, scope } = open(folder);
    await save(instances(100));
    await save(instances(9_000));
    expect(scope.seen('cache')).toMatchObject([{ state: 'failed', reason: expect.stringMatching(/ENOSPC/) }]);
    expect((await recall())?.instances.length).toBe(100);
    expect((await readdir(folder)).length).toBe(1);
    await save(instances(200));
    expect((await recall())?.instances.length).toBe(200);
  });

  test('because it may only be read keeps nothing, and says so', async (context) => {
    const folder = await makeFolder();
    if (mountSmall(folder)) execFileSync('mount', ['-o', 'remount,ro', folder]);
    else if (process.getuid?.() === 0) context.skip('root may write everywhere');
    else await chmod(folder, 0o500);
    const { save, scope } = open(folder);
    await save(instances(1));
    await save(instances(2));
    expect(scope.seen('cache')).toMatchObject([{ state: 'failed', reason: expect.stringMatching(/EROFS|EACCES/) }]);
    expect(scope.metrics.value('cache_failed')).toBe(2);
  });
});
