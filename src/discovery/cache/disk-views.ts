import { createHash } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Timer } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import { below } from '../../core/random.ts';
import { parseRecord } from '../record.ts';
import type { Instance, KeptView, LastViews, RegistryScope } from '../registry.ts';
import { Rejections } from '../rejections.ts';
import { settledWithin } from '../settled-within.ts';
import { readView, writeView } from './view-file.ts';

const START_MS = 2_000;
const PATIENCE_AT_START_MS = 250;
const PATIENCE_MS = 50;
const PAUSE_MS = 1_000;
/** What writing costs grows with the set, so the pause does. */
const PAUSE_PER_INSTANCE_MS = 1;
const CLOSE_MS = 500;
/** A temporary file that is older was left behind by a process that died. */
const LEFT_BEHIND_MS = 3_600_000;
const TEMPORARY = '.tmp';

/**
 * The last view of each service in a folder, one file for each, for a start without the registry. What the disk refuses is counted and said
 * once; it hurts nothing else. Several processes may share the folder: the last one to write wins.
 *
 * Reports the counters `cache_written`, `cache_failed`, `cache_recalled` and `cache_ignored`.
 */
export class DiskViews implements LastViews {
  readonly #folder: string;
  readonly #maxAgeMs: number;
  readonly #scope: RegistryScope;
  readonly #rejections: Rejections;
  readonly #startedAt: number;
  #due = new Map<string, KeptView>();
  #timer: Timer | undefined;
  #writing: Promise<void> | undefined;
  #failing = false;
  #swept = false;

  constructor(folder: string, maxAgeMs: number, scope: RegistryScope) {
    this.#folder = resolve(folder);
    this.#maxAgeMs = maxAgeMs;
    this.#scope = scope;
    this.#rejections = new Rejections('cache', scope);
    this.#startedAt = scope.clock.now();
  }

  /** A connection takes longer than an answer, so there is more patience while the process starts. */
  get patienceMs(): number {
    return this.#scope.clock.now() - this.#startedAt < START_MS ? PATIENCE_AT_START_MS : PATIENCE_MS;
  }

  save(view: KeptView): void {
    this.#due.set(this.#pathOf(view.registry, view.service), view);
    if (this.#writing === undefined) this.#timer ??= this.#writeIn(PAUSE_MS);
  }

  async recall(registry: string, service: string, announcedAs = service): Promise<KeptView | undefined> {
    const { addresses, clock } = this.#scope;
    const path = this.#pathOf(registry, service);
    let line = 0;
    const read = (text: string): Instance | undefined => {
      line++;
      const parsed = parseRecord(text, { service: announcedAs, addresses });
      if ('instance' in parsed) return parsed.instance;
      this.#rejections.add(path, `record ${line}`, parsed.refused);
      return undefined;
    };
    try {
      const view = await readView(path, { registry, service, read });
      if (view === undefined) return undefined;
      if (clock.wall() - view.savedAt > this.#maxAgeMs) throw new Error(`it is older than ${this.#maxAgeMs} ms`);
      this.#count('cache_recalled');
      return view;
    } catch (error) {
      this.#count('cache_ignored');
      this.#say('ignored', service, `${path}: ${messageOf(error)}`);
      return undefined;
    }
  }

  /** Writes what is still due, within half a second. Never rejects. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    await settledWithin(this.#scope.clock, CLOSE_MS, this.#closed());
  }

  async #closed(): Promise<void> {
    await this.#writing;
    this.#timer?.cancel();
    await this.#writeDue();
  }

  #writeIn(ms: number): Timer {
    return this.#scope.clock.background(ms, () => {
      this.#timer = undefined;
      this.#writing = this.#writeDue().then((instances) => {
        this.#writing = undefined;
        if (this.#due.size > 0) this.#timer ??= this.#writeIn(PAUSE_MS + instances * PAUSE_PER_INSTANCE_MS);
      });
    });
  }

  /** One file after the other, so that a slow disk keeps one thread busy and not all. Returns how many instances were written. */
  async #writeDue(): Promise<number> {
    const due = this.#due;
    this.#due = new Map();
    let instances = 0;
    for (const [path, view] of due) {
      await this.#write(path, view);
      instances += view.instances.length;
    }
    return instances;
  }

  async #write(path: string, view: KeptView): Promise<void> {
    try {
      await writeView(path, `${path}.${below(this.#scope.random, 2 ** 48).toString(36)}${TEMPORARY}`, view);
      this.#count('cache_written');
      if (this.#failing) this.#say('working', view.service, '');
      this.#failing = false;
      await this.#sweep();
    } catch (error) {
      this.#count('cache_failed');
      if (!this.#failing) this.#say('failed', view.service, messageOf(error));
      this.#failing = true;
    }
  }

  /** Clears away, once, what processes left behind that died while they wrote. */
  async #sweep(): Promise<void> {
    if (this.#swept) return;
    this.#swept = true;
    for (const name of await readdir(this.#folder)) {
      if (!name.endsWith(TEMPORARY)) continue;
      const path = join(this.#folder, name);
      const { mtimeMs } = await stat(path);
      if (this.#scope.clock.wall() - mtimeMs > LEFT_BEHIND_MS) await rm(path, { force: true });
    }
  }

  /** A service name is safe as a file name; a registry's is not. */
  #pathOf(registry: string, service: string): string {
    const mark = createHash('sha256').update(registry).digest('hex').slice(0, 16);
    return join(this.#folder, `${service}.${mark}.view`);
  }

  #count(name: string): void {
    this.#scope.metrics.counter(name).add();
  }

  #say(state: 'ignored' | 'failed' | 'working', service: string, reason: string): void {
    this.#scope.events.emit('cache', { folder: this.#folder, service, state, reason });
  }
}
