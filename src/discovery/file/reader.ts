import { rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { Timer } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import { repeat } from '../../core/repeat.ts';
import type { FollowedService } from '../followed-service.ts';
import { oneAtATime } from '../one-at-a-time.ts';
import type { Reach } from '../reach.ts';
import { type ParsedRecord, parseRecord } from '../record.ts';
import type { Instance, RegistryScope } from '../registry.ts';
import type { Rejections } from '../rejections.ts';
import { type Folder, isRecordName, readFolder } from './folder.ts';
import { FolderAlarm } from './folder-alarm.ts';
import { Sightings } from './sightings.ts';

/** A record that was seen to go untouched for this many leases has no owner any more, and is cleared away by whoever saw it. */
const DEAD_LEASES = 10;
/** Polls that count from one look to the next; if there was none for longer, nobody looked. */
const MOST_POLLS = 2;

/** What a reader of a folder is given. */
export interface ReaderOptions {
  readonly folder: string;
  readonly leaseMs: number;
  readonly pollMs: number;
  readonly reach: Reach;
  readonly rejections: Rejections;
  readonly scope: RegistryScope;
}

interface Text {
  readonly text: string;
  readonly record: ParsedRecord;
}

/** Follows the folder of one service: looks whenever the folder rings, and every `pollMs` whether it rang or not. */
export class FolderReader {
  readonly #followed: FollowedService;
  readonly #options: ReaderOptions;
  readonly #alarm: FolderAlarm;
  readonly #sightings: Sightings;
  /** What the last look found, by path. */
  #texts: ReadonlyMap<string, Text> = new Map();
  readonly #poll: Timer;
  #closed = false;

  constructor(followed: FollowedService, options: ReaderOptions) {
    this.#followed = followed;
    this.#options = options;
    this.#sightings = new Sightings(options.scope.clock, MOST_POLLS * options.pollMs);
    const look = oneAtATime(() => this.#look());
    this.#alarm = new FolderAlarm(look);
    this.#poll = repeat(options.scope.clock, () => options.pollMs, look);
    look();
  }

  close(): void {
    this.#closed = true;
    this.#poll.cancel();
    this.#alarm.close();
    this.#options.reach.forget(this.#options.folder);
  }

  async #look(): Promise<void> {
    if (this.#closed) return;
    try {
      const found = await this.#read();
      if (this.#closed) return;
      if (found !== undefined) this.#found(found);
      else this.#absent();
    } catch (error) {
      if (!this.#closed) this.#lost(messageOf(error));
    }
  }

  /** Most texts are those of the look before, and need not be parsed again. */
  async #read(): Promise<Folder | undefined> {
    const before = this.#texts;
    const texts = new Map<string, Text>();
    const { service } = this.#followed;
    const { folder, scope } = this.#options;
    const found = await readFolder(folder, ({ id, path, text }) => {
      const known = before.get(path);
      const record =
        known?.text === text ? known.record : parseRecord(text, { id, service, addresses: scope.addresses });
      texts.set(path, { text, record });
      return record;
    });
    this.#texts = texts;
    return found;
  }

  #found(found: Folder): void {
    const { folder, reach } = this.#options;
    this.#alarm.aim(folder, found.epoch, isRecordName);
    const instances = this.#instances(found);
    this.#followed.apply({ kind: 'snapshot', at: { epoch: found.epoch, revision: 0 }, instances });
    reach.back(folder);
  }

  /** Before the first announcement a service has no folder, and that is an answer; once it had one, its absence is a failure. */
  #absent(): void {
    const { folder, reach } = this.#options;
    this.#awaitFolder(folder);
    if ((this.#followed.cursor?.epoch ?? '') !== '') {
      this.#lost(`the folder ${folder} is gone`);
      return;
    }
    this.#followed.apply({ kind: 'snapshot', at: { epoch: '', revision: 0 }, instances: [] });
    reach.back(folder);
  }

  /** Watches the nearest folder above that exists for the next one on the way down to `path`. */
  #awaitFolder(path: string): void {
    const parent = dirname(path);
    const watching = this.#alarm.aim(parent, 'above', (name) => name === basename(path));
    if (!watching && parent !== path) this.#awaitFolder(parent);
  }

  #lost(reason: string): void {
    this.#followed.apply({ kind: 'lost', reason });
    this.#options.reach.lost(this.#options.folder, reason);
  }

  #instances({ files, unfinished }: Folder): readonly Instance[] {
    const { leaseMs, rejections } = this.#options;
    const { service } = this.#followed;
    const touched = files.map(({ path, touchedAt }) => [path, touchedAt] as const);
    const seen = this.#sightings.look(new Map([...touched, ...unfinished.map((path) => [path, 0] as const)]));
    const dead = (path: string) => (seen.get(path)?.watchedMs ?? 0) > leaseMs * DEAD_LEASES;
    const instances: Instance[] = [];
    for (const { id, path, record } of files) {
      if ('refused' in record) rejections.add(service, id, record.refused);
      else if ((seen.get(path)?.quietMs ?? 0) < leaseMs) instances.push(record.instance);
      else if (dead(path)) clear(path);
    }
    for (const path of unfinished.filter(dead)) clear(path);
    return instances;
  }
}

/** Whoever may, clears it away. */
function clear(path: string): void {
  void rm(path, { force: true }).catch(() => {});
}
