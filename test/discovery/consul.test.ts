import { createConsulRegistry } from '../../src/discovery/consul/consul-registry.ts';
import { ConsulServer } from '../support/consul-server.ts';
import { registryContract } from './contract.ts';
import { readerContract, readOnlyContract } from './reader-contract.ts';

async function makeSource() {
  const server = new ConsulServer();
  await server.start();
  return {
    open: createConsulRegistry('registry', { url: server.url }),
    list: async (service: string, instances: readonly { host: string; port: number }[]) => {
      for (const { host, port } of instances)
        server.put({ ID: `${service}-${host}`, Name: service, Address: host, Port: port });
      const listed = new Set(instances.map(({ host }) => `${service}-${host}`));
      for (const { ID, Name } of [...server.services.values()])
        if (Name === service && !listed.has(ID)) server.remove(ID);
    },
    reach: { cut: () => server.stop(), mend: () => server.start() },
    close: () => server.stop(),
  };
}

readerContract('consul', makeSource, { silent: true, canBeCut: true });
readOnlyContract('consul', makeSource);

registryContract('consul that registers', async () => {
  const server = new ConsulServer();
  await server.start();
  return {
    open: createConsulRegistry('registry', { url: server.url, register: true }),
    // Whoever may write to an agent may write there what a mesh would have written.
    put: async (service, id, text) => {
      const parts = Object.fromEntries((text.match(/.{1,170}/gs) ?? []).map((part, i) => [`heddle-${i}`, part]));
      server.put({ ID: id, Name: service, Address: '10.0.0.9', Port: 80, Meta: parts });
    },
    close: () => server.stop(),
  };
});
