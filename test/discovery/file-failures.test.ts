import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { Clock } from '../../src/core/clock.ts';
import { createFileRegistry } from '../../src/discovery/file/file-registry.ts';
import { recordPath } from '../../src/discovery/file/folder.ts';
import { serialiseRecord } from '../../src/discovery/record.ts';
import type { View, Watch } from '../../src/discovery/registry.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { createScope, eventually, instanceOf, watched } from './setup.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function setup() {
  const root = await mkdtemp(join(tmpdir(), 'heddle-file-'));
  cleanups.push(() => rm(root, { recursive: true, force: true }));
  return {
    root,
    folder: join(root, 'players'),
    open(clock?: Clock) {
      const scope = createScope(clock);
      const registry = createFileRegistry(root)(scope);
      cleanups.push(() => registry.close());
      return { registry, scope };
    },
  };
}

const ids = (watch: Watch) => watch.view.instances.map(({ id }) => id).join(' ');

/** Moves a clock that stands still, a step per look, until something holds that the disk has a part in. */
const moving = (clock: ManualClock, stepMs: number, holds: () => boolean, show?: () => unknown) =>
  eventually(() => {
    void clock.advance(stepMs);
    return holds();
  }, show);

test('a record is private, whole, and named after its id', async () => {
  const { folder, open } = await setup();
  const announcement = open().registry.announce(instanceOf({ id: '../x y:3000' }));
  await eventually(() => announcement.state === 'announced');
  expect(await readdir(folder)).toEqual(['..%2Fx%20y%3A3000.json']);
  const path = recordPath(folder, '../x y:3000');
  expect(await readFile(path, 'utf8')).toBe(serialiseRecord(announcement.instance));
  expect(((await stat(path)).mode & 0o777).toString(8)).toBe('600');
  expect(((await stat(folder)).mode & 0o777).toString(8)).toBe('700');
});

test('a beat touches the record and does not write it again', async () => {
  const { folder, open } = await setup();
  const clock = new ManualClock();
  const announcement = open(clock).registry.announce(instanceOf());
  await eventually(() => announcement.state === 'announced');
  const path = recordPath(folder, 'players-1');
  const first = await stat(path);
  const latest = watched(() => stat(path));
  await moving(clock, 50, () => (latest()?.mtimeMs ?? 0) > first.mtimeMs + 5_000);
  expect(latest()?.ino).toBe(first.ino);
});

test('F23: the leave of a process whose id a newer one took does not take the newer away', async () => {
  const { folder, open } = await setup();
  const older = open(new ManualClock()).registry.announce(instanceOf({ generation: 6 }));
  await eventually(() => older.state === 'announced');
  const newer = instanceOf({ generation: 7 });
  const announcement = open(new ManualClock()).registry.announce(newer);
  await eventually(() => announcement.state === 'announced');
  await older.leave();
  expect(await readFile(recordPath(folder, 'players-1'), 'utf8')).toBe(serialiseRecord(newer));
});

test('F3, F5: a folder that is removed takes nobody away, and its owners make it anew', async () => {
  const { folder, open } = await setup();
  const clock = new ManualClock();
  const owner = open(clock);
  const caller = open(clock);
  const views: View[] = [];
  const watch = caller.registry.watch('players', (view) => views.push(view));
  for (const id of ['a', 'b', 'c']) owner.registry.announce(instanceOf({ id }));
  await moving(clock, 1, () => ids(watch) === 'a b c');
  await rm(folder, { recursive: true });
  await moving(
    clock,
    10,
    () => watch.view.state === 'stale',
    () => watch.view,
  );
  expect(watch.view.reason).toContain('players is gone');
  await moving(
    clock,
    50,
    () => watch.view.state === 'current' && watch.view.suspects.size === 0,
    () => watch.view,
  );
  expect(ids(watch)).toBe('a b c');
  const full = views.findIndex(({ instances }) => instances.length === 3);
  expect(views.slice(full).every(({ instances }) => instances.length === 3)).toBe(true);
  expect(caller.scope.seen('registry').map(({ state }) => state)).toEqual(['connected', 'lost', 'connected']);
});

test('a folder that comes back empty keeps the set, its instances in doubt', async () => {
  const { folder, open } = await setup();
  const clock = new ManualClock();
  const watch = open(clock).registry.watch('players', () => {});
  const owner = open(clock);
  owner.registry.announce(instanceOf({ id: 'a' }));
  owner.registry.announce(instanceOf({ id: 'b' }));
  await moving(clock, 1, () => ids(watch) === 'a b');
  const { asOf } = watch.view;
  // The owners are away: their next beat is a long time of this clock off.
  await rm(folder, { recursive: true });
  await mkdir(folder);
  await eventually(
    () => watch.view.suspects.size === 2 && watch.view.state === 'current',
    () => watch.view,
  );
  expect(ids(watch)).toBe('a b');
  expect(watch.view.asOf).toBeGreaterThanOrEqual(asOf);
});

test('a plain file in the place of the folder makes the view stale, said once, and the owners keep trying', async () => {
  const { folder, open } = await setup();
  await writeFile(folder, 'in the way');
  const clock = new ManualClock();
  const caller = open(clock);
  const watch = caller.registry.watch('players', () => {});
  const owner = open(clock);
  const announcement = owner.registry.announce(instanceOf());
  await moving(clock, 100, () => watch.view.state === 'stale' && owner.scope.seen('announcement').length > 0);
  for (let i = 0; i < 20; i++) await clock.advance(1_000);
  expect(announcement.state).toBe('retrying');
  expect(caller.scope.seen('registry').length).toBe(1);
  expect(owner.scope.seen('announcement').length).toBe(1);
  await rm(folder);
  await moving(
    clock,
    100,
    () => ids(watch) === 'players-1',
    () => watch.view,
  );
  expect([watch.view.state, announcement.state]).toEqual(['current', 'announced']);
});

test('an owner that dies without a word is in doubt after its lease, and goes after the grace; its file is cleared away', async () => {
  const { folder, open } = await setup();
  const clock = new ManualClock();
  const watch = open(clock).registry.watch('players', () => {});
  open(clock).registry.announce(instanceOf({ id: 'alive' }));
  await moving(clock, 1, () => ids(watch) === 'alive');
  const path = recordPath(folder, 'silent');
  await writeFile(path, serialiseRecord(instanceOf({ id: 'silent' })));
  await utimes(path, clock.wall() / 1_000, clock.wall() / 1_000);
  await moving(clock, 1, () => ids(watch) === 'alive silent');
  await moving(
    clock,
    50,
    () => watch.view.suspects.has('silent'),
    () => watch.view,
  );
  await moving(
    clock,
    200,
    () => ids(watch) === 'alive',
    () => watch.view,
  );
  const names = watched(() => readdir(folder));
  await moving(clock, 200, () => names()?.join(' ') === 'alive.json', names);
});

test('what lies in the folder and is no record of ours stays, and hurts nobody', async () => {
  const { folder, open } = await setup();
  await mkdir(join(folder, 'folder.json'), { recursive: true });
  await writeFile(join(folder, 'notes.txt'), 'mine');
  await writeFile(join(folder, 'package.json'), '{"name":"mine"}');
  await writeFile(join(folder, '%zz.json'), '{}');
  await writeFile(join(folder, 'large.json'), 'x'.repeat(1_000_000));
  execFileSync('mkfifo', [join(folder, 'pipe.json')]);
  await utimes(join(folder, 'package.json'), 1, 1);
  const { registry, scope } = open();
  const watch = registry.watch('players', () => {});
  registry.announce(instanceOf());
  await eventually(() => ids(watch) === 'players-1');
  expect(
    scope
      .seen('rejected')
      .map(({ id }) => id)
      .sort(),
  ).toEqual(['%zz', 'folder', 'large', 'package', 'pipe']);
  expect((await readdir(folder)).length).toBe(7);
});

test('two registries in one process, a leave while a beat is on its way, and close: nothing is left running', async () => {
  const { open } = await setup();
  const clock = new ManualClock();
  const owner = open(clock);
  const caller = open(clock);
  const watch = caller.registry.watch('players', () => {});
  const announcement = owner.registry.announce(instanceOf());
  const leaving = announcement.leave();
  await moving(clock, 0, () => watch.view.state === 'current');
  await leaving;
  await moving(clock, 1, () => ids(watch) === '');
  await Promise.all([owner.registry.close(), caller.registry.close()]);
  expect(clock.pending).toBe(0);
});
