import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { isServiceName, string } from '../../core/check.ts';
import { Reach } from '../reach.ts';
import type {
  Announcement,
  Instance,
  Registry,
  RegistryFactory,
  RegistryScope,
  Traffic,
  View,
  Watch,
} from '../registry.ts';
import { Rejections } from '../rejections.ts';
import { settledWithin } from '../settled-within.ts';
import { type Feed, Watches } from '../watches.ts';
import { recordPath } from './folder.ts';
import { FileOwner } from './owner.ts';
import { FolderReader } from './reader.ts';

const BEAT_MS = 2_000;
const LEASE_MS = 6_000;
const POLL_MS = 1_000;
const CLOSE_MS = 500;

/**
 * A registry in a folder, for several processes of one machine: `folder/<service>/<id>.json`, one file per instance, touched by its owner
 * every 2 s and trusted for 6 s. The folder is made when something is first announced; it is private to the user.
 */
export function createFileRegistry(folder: string): RegistryFactory {
  const root = resolve(string('the folder of a file registry', folder));
  return (scope) => new FileRegistry(root, scope);
}

class FileRegistry implements Registry {
  readonly name: string;
  readonly #root: string;
  readonly #scope: RegistryScope;
  readonly #watches: Watches;
  readonly #owners = new Set<FileOwner>();
  #closing: Promise<void> | undefined;

  constructor(root: string, scope: RegistryScope) {
    this.name = `file:${root}`;
    this.#root = root;
    this.#scope = scope;
    const shared = {
      leaseMs: LEASE_MS,
      pollMs: POLL_MS,
      reach: new Reach(this.name, scope),
      rejections: new Rejections(this.name, scope),
      scope,
    };
    const feed: Feed = (followed) => {
      const reader = new FolderReader(followed, { ...shared, folder: join(root, followed.service) });
      return () => reader.close();
    };
    this.#watches = new Watches(scope, feed, { keptAs: this.name });
  }

  announce(instance: Instance): Announcement {
    const owner = new FileOwner(
      instance,
      recordPath(join(this.#root, instance.service), instance.id),
      BEAT_MS,
      this.#scope,
    );
    this.#owners.add(owner);
    return owner;
  }

  watch(service: string, listener: (view: View) => void, traffic?: Traffic): Watch {
    return this.#watches.watch(service, listener, traffic);
  }

  async services(): Promise<readonly string[]> {
    try {
      const entries = await readdir(this.#root, { withFileTypes: true });
      return entries.filter((one) => isServiceName(one.name) && !one.isFile()).map(({ name }) => name);
    } catch {
      return [];
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#watches.close();
    const leaves = [...this.#owners].map((owner) => owner.leave());
    this.#owners.clear();
    await settledWithin(this.#scope.clock, CLOSE_MS, Promise.all(leaves));
  }
}
