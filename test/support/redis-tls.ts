import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { type RedisServer, startRedis } from './redis-server.ts';

/** Whether certificates can be made: Node's own crypto reads them, and issues none. */
export const ownCertificates: boolean = spawnSync('openssl', ['version']).status === 0;

/** A Redis with a port for TLS beside its plain one, and what it takes to speak to that. */
export interface SecureRedis {
  readonly server: RedisServer;
  readonly port: number;
  readonly url: string;
  /** Who signed the certificates of the server and of the client, as PEM. */
  readonly ca: string;
  /** Another who signs certificates, none of those in use. */
  readonly otherCa: string;
  /** A certificate for a client, as PEM. */
  readonly client: { readonly cert: string; readonly key: string };
  close(): Promise<void>;
}

/** With `clientCertificates` it speaks only to clients that have one. */
export async function secureRedis(clientCertificates = false): Promise<SecureRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'heddle-tls-'));
  const at = (name: string) => join(folder, name);
  const openssl = (...words: string[]) => execFileSync('openssl', words, { stdio: 'ignore' });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  for (const ca of ['ca', 'other'])
    openssl('req', '-x509', ...newKey, '-keyout', at(`${ca}.key`), '-out', at(`${ca}.crt`), '-subj', `/CN=${ca}`);
  await writeFile(at('names'), 'subjectAltName=IP:127.0.0.1,DNS:localhost');
  for (const name of ['server', 'client']) {
    openssl(
      'req',
      ...newKey.slice(0, -2),
      '-keyout',
      at(`${name}.key`),
      '-out',
      at(`${name}.csr`),
      '-subj',
      `/CN=${name}`,
    );
    const signed = [
      '-CA',
      at('ca.crt'),
      '-CAkey',
      at('ca.key'),
      '-CAcreateserial',
      '-days',
      '2',
      '-extfile',
      at('names'),
    ];
    openssl('x509', '-req', '-in', at(`${name}.csr`), '-out', at(`${name}.crt`), ...signed);
  }
  const port = await freePort();
  const files = [
    '--tls-cert-file',
    at('server.crt'),
    '--tls-key-file',
    at('server.key'),
    '--tls-ca-cert-file',
    at('ca.crt'),
  ];
  const words = ['--tls-port', `${port}`, ...files, '--tls-auth-clients', clientCertificates ? 'yes' : 'no'];
  const server = await startRedis(words);
  const read = (name: string) => readFile(at(name), 'utf8');
  return {
    server,
    port,
    url: `rediss://127.0.0.1:${port}`,
    ca: await read('ca.crt'),
    otherCa: await read('other.crt'),
    client: { cert: await read('client.crt'), key: await read('client.key') },
    close: async () => {
      await server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
