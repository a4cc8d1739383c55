import { fieldsOf, itemsOf } from '../http/fields-of.ts';
import { HttpClient } from '../http/http-client.ts';
import { Reach } from '../reach.ts';
import { announceNowhere } from '../read-only.ts';
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
import { type Feed, Watches } from '../watches.ts';
import {
  isKubernetesName,
  type KubernetesRegistryOptions,
  type ResolvedKubernetesOptions,
  resolveKubernetesOptions,
} from './options.ts';
import { ServiceAccount } from './service-account.ts';
import { SliceReader } from './slice-reader.ts';

const NAMES_MS = 2_000;
const MAX_NAMES = 500;
/** Labels are all that is needed. */
const METADATA_ONLY = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1, application/json';

/**
 * A registry that reads the EndpointSlices of a Kubernetes cluster; `name` is what the options are called in errors. A service is named
 * `players`, or `players.prod` when it is in another namespace. Nothing is written: who is ready is listed by the cluster.
 */
export function createKubernetesRegistry(name: string, options: KubernetesRegistryOptions): RegistryFactory {
  const resolved = resolveKubernetesOptions(name, options);
  return (scope) => new KubernetesRegistry(resolved, scope);
}

class KubernetesRegistry implements Registry {
  readonly name: string;
  readonly #scope: RegistryScope;
  readonly #account: ServiceAccount;
  readonly #client: HttpClient;
  readonly #watches: Watches;
  readonly #closing = new AbortController();

  constructor(options: ResolvedKubernetesOptions, scope: RegistryScope) {
    this.name = options.name;
    this.#scope = scope;
    const account = new ServiceAccount(options);
    const access = () => account.access();
    const client = new HttpClient({ origin: options.server, access, clock: scope.clock });
    this.#account = account;
    this.#client = client;
    const { port, attributes } = options;
    const shared = {
      ...{ client, port, attributes, scope },
      reach: new Reach(this.name, scope),
      rejections: new Rejections(this.name, scope),
    };
    const feed: Feed = (followed) => {
      const [kubernetesService = '', namespace, ...more] = followed.service.split('.');
      if (more.length > 0 || ![kubernetesService, namespace ?? 'any'].every(isKubernetesName)) {
        followed.apply({ kind: 'lost', reason: 'in Kubernetes a service is called name or name.namespace' });
        return () => {};
      }
      const reader = new SliceReader(followed, {
        ...shared,
        kubernetesService,
        namespace: () => (namespace === undefined ? account.namespace() : Promise.resolve(namespace)),
      });
      return () => reader.close();
    };
    this.#watches = new Watches(scope, feed, {
      keptAs: `${this.name} ${options.server.host} ${port ?? ''}`,
      announcedAs: (service) => service.replace(/\..*/, ''),
    });
  }

  /** Has no effect: the cluster lists the pods that are ready. */
  announce(instance: Instance): Announcement {
    return announceNowhere(this.#scope, instance, 'Kubernetes lists the pods of a service that are ready');
  }

  watch(service: string, listener: (view: View) => void, traffic?: Traffic): Watch {
    return this.#watches.watch(service, listener, traffic);
  }

  /** Names of the services in the namespace; at most those of 500 slices. */
  async services(): Promise<readonly string[]> {
    try {
      const path = `/apis/discovery.k8s.io/v1/namespaces/${await this.#account.namespace()}/endpointslices?limit=${MAX_NAMES}`;
      const signal = this.#closing.signal;
      const { body } = await this.#client.ask({ path, accept: METADATA_ONLY, timeoutMs: NAMES_MS, signal });
      const slices = itemsOf(fieldsOf(body)['items']).map((item) => fieldsOf(fieldsOf(item)['metadata']));
      const names = slices.map(({ labels }) => fieldsOf(labels)['kubernetes.io/service-name']);
      return [...new Set(names.filter(isKubernetesName))].sort();
    } catch {
      return [];
    }
  }

  async close(): Promise<void> {
    this.#watches.close();
    this.#closing.abort(new Error('the registry is closed'));
  }
}
