import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DemoRegistry } from './demo-registry.ts';

/** A `file:` registry in a folder of its own below `root`. */
export function folderRegistry(root: string): DemoRegistry {
  const folder = join(root, 'registry');
  const debris = join(root, 'debris');

  return {
    url: `file:${folder}`,
    loss: 'its folder is removed, and a plain file lies in its place',

    async takeAway() {
      // Its owners go on announcing themselves: whoever makes the folder again before the file is there is removed once more.
      for (;;) {
        await rename(folder, debris);
        await rm(debris, { recursive: true, maxRetries: 5 });
        try {
          await writeFile(folder, 'no registry any more\n', { flag: 'wx' });
          return;
        } catch (error) {
          if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
        }
      }
    },

    async giveBack() {
      await rm(folder);
      await mkdir(folder, { recursive: true, mode: 0o700 });
    },

    kill() {},
  };
}
