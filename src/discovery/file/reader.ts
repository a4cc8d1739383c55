import { rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { Timer } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import { repeat } from '../../core/repeat.ts';
import type { FollowedService } from '../followed-service.ts';
import { oneAtATime } from '../one-at-a-time.ts';
import type { Reach } from '../reach.ts';
import { parseRecord } from '../record.ts';
import type { Instance, RegistryScope } from '../registry.ts';
import type { Rejections } from '../rejections.ts';
import { type Folder, isRecordName, type RecordFile, readFolder } from './folder.ts';
import { FolderAlarm } from './folder-alarm.ts';

/** A record this many leases old has no owner any more, and is cleared away by whoever finds it. */
const DEAD_LEASES = 10;

/** What a reader of a folder is given. */
export interface ReaderOptions {
  readonly folder: string;
  readonly leaseMs: number;
  readonly pollMs: number;
  readonly reach: Reach;
  readonly rejections: Rejections;
  readonly scope: RegistryScope;
}

/** Follows the folder of one service: looks whenever the folder rings, and every `pollMs` whether it rang or not. */
export class FolderReader {
  readonly #followed: FollowedService;
  readonly #options: ReaderOptions;
  readonly #alarm: FolderAlarm;
  readonly #poll: Timer;
  #closed = false;

  constructor(followed: FollowedService, options: ReaderOptions) {
    this.#followed = followed;
    this.#options = options;
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
      const found = await readFolder(this.#options.folder);
      if (this.#closed) return;
      if (found !== undefined) this.#found(found);
      else this.#absent();
    } catch (error) {
      if (!this.#closed) this.#lost(messageOf(error));
    }
  }

  #found(found: Folder): void {
    const { folder, reach } = this.#options;
    this.#alarm.aim(folder, found.epoch, isRecordName);
    const instances = this.#instances(found.files);
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

  #instances(files: readonly RecordFile[]): readonly Instance[] {
    const { leaseMs, rejections, scope } = this.#options;
    const instances: Instance[] = [];
    for (const { id, path, text, touchedAt } of files) {
      const parsed = parseRecord(text, { id, service: this.#followed.service, addresses: scope.addresses });
      const age = scope.clock.wall() - touchedAt;
      if ('refused' in parsed) rejections.add(this.#followed.service, id, parsed.refused);
      else if (age < leaseMs) instances.push(parsed.instance);
      else if (age > leaseMs * DEAD_LEASES) void rm(path, { force: true }).catch(() => {}); // whoever may, clears it away
    }
    return instances;
  }
}
