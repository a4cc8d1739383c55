import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Access } from '../http/http-client.ts';
import { isKubernetesName, type ResolvedKubernetesOptions } from './options.ts';

/** Who this process is to the API server, as its pod was told. Files are read whenever they are needed: the kubelet replaces them. */
export class ServiceAccount {
  readonly #options: ResolvedKubernetesOptions;

  constructor(options: ResolvedKubernetesOptions) {
    this.#options = options;
  }

  /** The namespace that is meant when none is named. Rejects when nobody says so. */
  async namespace(): Promise<string> {
    const { namespace } = this.#options;
    if (namespace !== undefined) return namespace;
    const own = await this.#read('namespace');
    if (!isKubernetesName(own)) throw new Error(`the file 'namespace' of the service account does not name one`);
    return own;
  }

  async access(): Promise<Access> {
    const { server, ca } = this.#options;
    const token = await this.#token();
    return {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      ca: server.protocol === 'http:' ? undefined : (ca ?? (await this.#read('ca.crt'))),
    };
  }

  async #token(): Promise<string | undefined> {
    const { server, token } = this.#options;
    if (typeof token === 'string') return token;
    if (typeof token === 'function') return token();
    // The pod's token is worth stealing, and anybody may listen.
    return server.protocol === 'http:' ? undefined : this.#read('token');
  }

  async #read(file: string): Promise<string> {
    return (await readFile(join(this.#options.serviceAccount, file), 'utf8')).trim();
  }
}
