import { createDnsRegistry } from '../../src/discovery/dns/dns-registry.ts';
import { addressRecords, srvRecord, startDns } from '../support/dns-server.ts';
import { type Listed, readerContract, readOnlyContract, type Source } from './reader-contract.ts';

const DOMAIN = 'prod.svc.cluster.local';

async function makeSource(): Promise<Source> {
  const server = await startDns();
  const options = { domain: DOMAIN, servers: [server.address], minTtlMs: 20, maxTtlMs: 100, timeoutMs: 100 };
  return {
    open: createDnsRegistry('registry', options),
    list: async (service, instances) => {
      const name = `_http._tcp.${service}.${DOMAIN}`;
      const target = ({ host }: Listed) => `${host.replaceAll('.', '-')}.${service}.${DOMAIN}`;
      for (const instance of instances)
        server.set(target(instance), addressRecords(target(instance), [instance.host], 0));
      server.set(
        name,
        instances.map((instance) => srvRecord(name, target(instance), instance.port)),
      );
    },
    reach: {
      cut: () => server.stop(),
      mend: () => server.start(),
    },
    close: () => server.close(),
  };
}

readerContract('dns', makeSource, { silent: true, canBeCut: true });
readOnlyContract('dns', makeSource);
