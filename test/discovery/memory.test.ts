import { createMemoryRegistry } from '../../src/discovery/memory.ts';
import { registryContract } from './contract.ts';

registryContract('memory', async () => {
  const hub = createMemoryRegistry();
  return {
    open: hub.registry,
    put: async (service, id, text) => hub.put(service, id, text),
    close: async () => {},
  };
});
