import { execFileSync } from 'node:child_process';
import { renameSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import type { Clock } from '../../src/core/clock.ts';
import { createFileRegistry } from '../../src/discovery/file/file-registry.ts';
import { readText, recordPath, writeRecord } from '../../src/discovery/file/folder.ts';
import { FolderAlarm } from '../../src/discovery/file/folder-alarm.ts';
import { serialiseRecord } from '../../src/discovery/record.ts';
import type { View, Watch } from '../../src/discovery/registry.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { createScope, eventually, instanceOf, looked, watched } from './setup.ts';

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
  eventually(
    () => {
      void clock.advance(stepMs);
      return holds();
    },
    show,
    15_000,
  );

/** Lets time go by as fast as the disk keeps up, by the looks of a watch. */
async function pass(clock: ManualClock, watch: Watch, ms: number): Promise<void> {
  const from = clock.now();
  await moving(clock, 0, () => {
    if (clock.now() - Math.max(from, watch.view.asOf) < 1_500) void clock.advance(100);
    return clock.now() >= from + ms;
  });
}

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

test('a second leave, or a close, while the first is on its way waits for it', async () => {
  const { folder, open } = await setup();
  const { registry } = open(new ManualClock());
  const announcement = registry.announce(instanceOf());
  await eventually(() => announcement.state === 'announced');
  void announcement.leave();
  await Promise.race([announcement.leave(), registry.close()]);
  expect(await readFile(recordPath(folder, 'players-1'), 'utf8')).toContain('"status":"out"');
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

/** A clock that somebody sets, and a process that somebody stops. */
class UnsteadyClock extends ManualClock {
  #set = 0;
  #slept = 0;

  override now(): number {
    return super.now() + this.#slept;
  }

  override wall(): number {
    return super.wall() + this.#slept + this.#set;
  }

  /** The time of day is set. */
  set(ms: number): void {
    this.#set += ms;
  }

  /** Time goes by, and nothing happens. */
  sleep(ms: number): void {
    this.#slept += ms;
  }
}

const HOUR = 3_600_000;

/** Four owners and a caller that knows them, on one clock. */
async function four(clock: ManualClock) {
  const { folder, open } = await setup();
  const caller = open(clock);
  const watch = caller.registry.watch('players', () => {});
  const owner = open(clock);
  for (const id of ['a', 'b', 'c', 'd']) owner.registry.announce(instanceOf({ id }));
  await moving(clock, 1, () => ids(watch) === 'a b c d');
  const everInDoubt = new Set<string>();
  caller.registry.watch('players', (view) => {
    for (const id of view.suspects) everInDoubt.add(id);
  });
  return { folder, open, caller, owner, watch, everInDoubt };
}

test.each([
  ['on', HOUR],
  ['back', -HOUR],
])(
  'F18, F19: a clock that is put %s by an hour brings nobody into doubt, and no file is cleared away',
  async (_, ms) => {
    const clock = new UnsteadyClock();
    const { folder, watch, everInDoubt } = await four(clock);
    const inodes = async () =>
      Promise.all((await readdir(folder)).map(async (name) => (await stat(join(folder, name))).ino));
    const before = await inodes();
    clock.set(ms);
    await pass(clock, watch, 9_000);
    clock.set(-ms);
    await pass(clock, watch, 9_000);
    expect(ids(watch)).toBe('a b c d');
    expect([...everInDoubt]).toEqual([]);
    expect((await inodes()).toSorted()).toEqual(before.toSorted());
  },
);

test('F18: who dies before the clock is put back by an hour is in doubt after its lease all the same', async () => {
  const clock = new UnsteadyClock();
  const { folder, watch } = await four(clock);
  const path = recordPath(folder, 'silent');
  await writeFile(path, serialiseRecord(instanceOf({ id: 'silent' })));
  await utimes(path, clock.wall() / 1_000, clock.wall() / 1_000);
  await moving(clock, 1, () => ids(watch).endsWith('silent'));
  clock.set(-HOUR);
  const from = clock.now();
  await moving(
    clock,
    20,
    () => watch.view.suspects.has('silent'),
    () => watch.view,
  );
  expect([...watch.view.suspects]).toEqual(['silent']);
  expect(clock.now() - from).toBeLessThan(60_000);
});

test('F20: a caller that was stopped for a minute, and owners that were too, bring nobody into doubt', async () => {
  const clock = new UnsteadyClock();
  const { watch, everInDoubt } = await four(clock);
  clock.sleep(60_000);
  await pass(clock, watch, 8_000);
  expect([ids(watch), watch.view.state]).toEqual(['a b c d', 'current']);
  expect([...everInDoubt]).toEqual([]);
});

test('a record that is old when it is first seen is not listed, and not cleared away before it was watched for a minute', async () => {
  const { folder, open } = await setup();
  const clock = new ManualClock();
  await mkdir(folder);
  const path = recordPath(folder, 'old');
  await writeFile(path, serialiseRecord(instanceOf({ id: 'old' })));
  await utimes(path, 1, 1);
  const watch = open(clock).registry.watch('players', () => {});
  await eventually(() => watch.view.state === 'current');
  await pass(clock, watch, 40_000);
  expect(ids(watch)).toBe('');
  expect(await readdir(folder)).toEqual(['old.json']);
  const names = watched(() => readdir(folder));
  await moving(clock, 50, () => names()?.length === 0, names);
});

test.each([
  ['a plain file', (path: string) => writeFile(path, 'in the way')],
  ['a link to itself', (path: string) => symlink(path, path)],
  ['a link to nothing', (path: string) => symlink(`${path}-nothing`, path)],
])(
  'F3, F5: %s in the place of a folder that is followed takes nobody away, and is mended by removing it',
  async (_, put) => {
    const clock = new ManualClock();
    const { folder, caller, watch } = await four(clock);
    await rename(folder, `${folder}-away`);
    await put(folder);
    await moving(
      clock,
      1,
      () => watch.view.state === 'stale',
      () => watch.view,
    );
    for (let i = 0; i < 20; i++) await clock.advance(1_000);
    expect([ids(watch), watch.view.state]).toEqual(['a b c d', 'stale']);
    await rm(folder, { force: true });
    await moving(
      clock,
      20,
      () => watch.view.state === 'current' && watch.view.suspects.size === 0,
      () => watch.view,
    );
    expect(ids(watch)).toBe('a b c d');
    expect(caller.scope.seen('registry').map(({ state }) => state)).toEqual(['connected', 'lost', 'connected']);
  },
);

test('what an earlier process of the same number left behind hinders nobody, and is cleared away', async () => {
  const { folder, open } = await setup();
  const clock = new ManualClock();
  await mkdir(folder);
  for (let i = 0; i < 200; i++) await writeFile(join(folder, `.heddle-${process.pid}-${i}.tmp`), '{"id":');
  const owner = open(clock);
  const announcement = owner.registry.announce(instanceOf());
  await eventually(() => announcement.state !== 'retrying' || owner.scope.seen('announcement').length > 0);
  expect(owner.scope.seen('announcement').map(({ state }) => state)).toEqual(['announced']);
  open(clock).registry.watch('players', () => {});
  const names = watched(() => readdir(folder));
  await moving(
    clock,
    50,
    () => names()?.join(' ') === 'players-1.json',
    () => names()?.length,
  );
});

test('a record that cannot be put in its place leaves nothing behind', async () => {
  const { folder } = await setup();
  const path = recordPath(folder, 'players-1');
  await mkdir(path, { recursive: true });
  await expect(writeRecord(folder, path, '{}', 1)).rejects.toThrow();
  expect(await readdir(folder)).toEqual(['players-1.json']);
});

test('a record that is on its way when its instance leaves does not arrive after the leave', async () => {
  const { folder, open } = await setup();
  const { registry } = open(new ManualClock());
  const idsOf = Array.from({ length: 40 }, (_, n) => `players-${n}`);
  await Promise.all(idsOf.map((id) => registry.announce(instanceOf({ id })).leave()));
  // Were there one, it would arrive now.
  await looked();
  const texts = await Promise.all(idsOf.map((id) => readText(recordPath(folder, id))));
  expect(texts.filter((text) => !text.includes('"status":"out"'))).toEqual([]);
});

test('a record that is written again is never away, and never half there', async () => {
  const { folder } = await setup();
  const path = recordPath(folder, 'players-1');
  const texts = ['short', 'x'.repeat(4_000)];
  await writeRecord(folder, path, 'short', 1);
  let writing = true;
  const written = (async () => {
    for (let n = 0; n < 300; n++) await writeRecord(folder, path, texts[n % 2] ?? '', 1);
    writing = false;
  })();
  const read = new Set<string>();
  while (writing) read.add(await readText(path));
  await written;
  expect([...read].toSorted()).toEqual(texts);
});

test('only folders are services', async () => {
  const { root, folder, open } = await setup();
  await mkdir(folder);
  await mkdir(join(root, 'Not.A.Service'));
  await writeFile(join(root, 'notes.txt'), 'mine');
  await symlink(folder, join(root, 'link'));
  expect((await open().registry.services()).toSorted()).toEqual(['link', 'players']);
});

test('F48: a process that may open few files reads all records, refuses none, and loses nobody when it can open none', async () => {
  const { root, folder } = await setup();
  await mkdir(folder);
  const records = Array.from({ length: 200 }, (_, i) => instanceOf({ id: `players-${i}` }));
  await Promise.all(records.map((record) => writeFile(recordPath(folder, record.id), serialiseRecord(record))));
  // They are alive for as long as this takes.
  const later = Date.now() / 1_000 + 30;
  await Promise.all(records.map(({ id }) => utimes(recordPath(folder, id), later, later)));
  const script = fileURLToPath(new URL('fixtures/following.ts', import.meta.url));
  const command = 'ulimit -n 128; exec "$0" --no-warnings "$@"';
  const words = ['-c', command, process.execPath, script, root];
  const printed = execFileSync('sh', words, { encoding: 'utf8', timeout: 15_000 });
  expect(printed.trim().split('\n')).toEqual([
    'current 200, in doubt 0, refused 0',
    'stale 200, in doubt 0, refused 0',
    'current 200, in doubt 0, refused 0',
  ]);
});

test('a folder that takes the place of another is watched as that was', async () => {
  const clock = new ManualClock();
  const { folder, watch } = await four(clock);
  const other = `${folder}-other`;
  await mkdir(other);
  renameSync(folder, `${folder}-away`);
  renameSync(other, folder);
  await pass(clock, watch, 4_000);
  const aside = join(`${folder}-away`, 'aside');
  await writeFile(aside, serialiseRecord(instanceOf({ id: 'e' })));
  await utimes(aside, clock.wall() / 1_000, clock.wall() / 1_000);
  await rename(aside, recordPath(folder, 'e'));
  // No time goes by: it is the folder that rings.
  await eventually(() => ids(watch).endsWith('e'));
});

test('an alarm rings when it is aimed, for what came before it was there, and not again for the same aim', async () => {
  const { root } = await setup();
  let rings = 0;
  const alarm = new FolderAlarm(() => rings++);
  cleanups.push(async () => alarm.close());
  expect([alarm.aim(root, '1', () => true), rings]).toEqual([true, 1]);
  expect([alarm.aim(root, '1', () => true), rings]).toEqual([true, 1]);
  expect([alarm.aim(join(root, 'nothing'), '1', () => true), rings]).toEqual([false, 1]);
  expect([alarm.aim(root, '2', () => true), rings]).toEqual([true, 2]);
});

test('a touch, which changes nothing but a time, is no reason to look before the next poll', async () => {
  const clock = new ManualClock();
  const { folder, watch } = await four(clock);
  await pass(clock, watch, 3_000);
  await clock.advance(1);
  await looked();
  const { asOf } = watch.view;
  await utimes(recordPath(folder, 'a'), clock.wall() / 1_000, clock.wall() / 1_000);
  await looked();
  expect(watch.view.asOf).toBe(asOf);
});

test('what no alarm tells of is seen at the next poll', async () => {
  const clock = new ManualClock();
  const { folder, watch } = await four(clock);
  await pass(clock, watch, 3_000);
  // Written into the file as it stands, which is no reason to ring.
  await writeFile(recordPath(folder, 'a'), serialiseRecord(instanceOf({ id: 'a', weight: 7 })));
  await pass(clock, watch, 1_000);
  await eventually(
    () => watch.view.instances[0]?.weight === 7,
    () => watch.view,
  );
});

test('what lies in the folder and is no record of ours stays, and hurts nobody', async () => {
  const { folder, open } = await setup();
  await mkdir(join(folder, 'folder.json'), { recursive: true });
  await writeFile(join(folder, 'notes.txt'), 'mine');
  await writeFile(join(folder, 'package.json'), '{"name":"mine"}');
  await writeFile(join(folder, '%zz.json'), '{}');
  await writeFile(join(folder, 'large.json'), 'x'.repeat(1_000_000));
  await writeFile(join(folder, 'padded.json'), serialiseRecord(instanceOf({ id: 'padded' })) + ' '.repeat(5_000));
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
  ).toEqual(['%zz', 'folder', 'large', 'package', 'padded', 'pipe']);
  expect((await readdir(folder)).length).toBe(8);
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
