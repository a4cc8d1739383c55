import { createKubernetesRegistry } from '../../src/discovery/kubernetes/kubernetes-registry.ts';
import { KubernetesServer, sliceOf } from '../support/kubernetes-server.ts';
import { readerContract, readOnlyContract } from './reader-contract.ts';

async function makeSource() {
  const server = new KubernetesServer();
  await server.start();
  return {
    open: createKubernetesRegistry('registry', { server: server.url, namespace: 'default', token: 'secret' }),
    list: async (service: string, instances: readonly { host: string; port: number }[]) => {
      // Whoever listens on another port is in another slice, as with a named target port.
      const listed = new Map(instances.map(({ host, port }) => [`${service}-${port}`, { host, port }]));
      for (const { host, port } of listed.values())
        server.put(
          sliceOf(`${service}-${port}`, [{ address: host, pod: `pod-${host}`, ready: true }], {
            service,
            ports: [{ name: 'http', protocol: 'TCP', port }],
          }),
        );
      for (const port of [8080, 8081]) if (!listed.has(`${service}-${port}`)) server.delete(`${service}-${port}`);
    },
    reach: { cut: () => server.stop(), mend: () => server.start() },
    close: () => server.stop(),
  };
}

readerContract('kubernetes', makeSource, { silent: true, canBeCut: true });
readOnlyContract('kubernetes', makeSource);
