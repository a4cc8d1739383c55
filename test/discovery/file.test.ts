import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFileRegistry } from '../../src/discovery/file/file-registry.ts';
import { recordPath } from '../../src/discovery/file/folder.ts';
import { registryContract } from './contract.ts';

registryContract('file', async () => {
  const root = await mkdtemp(join(tmpdir(), 'heddle-file-'));
  return {
    open: createFileRegistry(join(root, 'registry')),
    put: async (service, id, text) => {
      const folder = join(root, 'registry', service);
      await mkdir(folder, { recursive: true });
      await writeFile(recordPath(folder, id), text);
    },
    close: () => rm(root, { recursive: true }),
  };
});
