import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFileRegistry } from '../../src/discovery/file/file-registry.ts';
import { recordPath, writeRecord } from '../../src/discovery/file/folder.ts';
import { registryContract } from './contract.ts';

registryContract('file', async () => {
  const root = await mkdtemp(join(tmpdir(), 'heddle-file-'));
  return {
    open: createFileRegistry(join(root, 'registry')),
    put: async (service, id, text) => {
      const folder = join(root, 'registry', service);
      // All of it at once: half a record would be refused for another reason than the whole.
      await writeRecord(folder, recordPath(folder, id), text, Date.now());
    },
    close: () => rm(root, { recursive: true }),
  };
});
