import { fail, finite, options, serviceName, string } from '../core/check.ts';
import { callableHost } from './address.ts';
import { withoutCredentials } from './credentials.ts';
import { announceNowhere } from './read-only.ts';
import type {
  Announcement,
  Instance,
  Registry,
  RegistryFactory,
  RegistryScope,
  Traffic,
  View,
  Watch,
} from './registry.ts';
import { Watches } from './watches.ts';

/** One address in a list: a URL, or a URL with what is to be known of it. */
export type StaticAddress =
  | string
  | {
      /** Scheme, host and port, such as `http://10.0.0.1:8080`; without a path. The port is 80 or 443 when it is not said. */
      readonly url: string;
      /** What queries match; none by default. */
      readonly attributes?: Readonly<Record<string, string>> | undefined;
      /** Share of the traffic relative to the others of the list. Above 0, at most 1,000. @default 1 */
      readonly weight?: number | undefined;
    };

/** Services and where they are, by name. */
export type StaticLists = Readonly<Record<string, readonly StaticAddress[]>>;

/** A registry that never changes: lists in code. Each address is an instance whose id is `host:port`. `name` is what errors call it. */
export function createStaticRegistry(lists: StaticLists, name = 'registry'): RegistryFactory {
  const services = resolveLists(name, lists);
  return (scope) => new StaticRegistry(services, scope);
}

class StaticRegistry implements Registry {
  readonly name = 'static';
  readonly #services: ReadonlyMap<string, readonly Instance[]>;
  readonly #scope: RegistryScope;
  readonly #watches: Watches;

  constructor(services: ReadonlyMap<string, readonly Instance[]>, scope: RegistryScope) {
    this.#services = services;
    this.#scope = scope;
    this.#watches = new Watches(scope, (followed) => {
      const instances = services.get(followed.service) ?? [];
      followed.apply({ kind: 'snapshot', at: { epoch: 'static', revision: 0 }, instances });
      return () => {};
    });
  }

  /** Has no effect: nobody reads what a process says of itself when the lists are in code. */
  announce(instance: Instance): Announcement {
    return announceNowhere(this.#scope, instance, 'the lists are in code');
  }

  watch(service: string, listener: (view: View) => void, traffic?: Traffic): Watch {
    return this.#watches.watch(service, listener, traffic);
  }

  async services(): Promise<readonly string[]> {
    return [...this.#services.keys()];
  }

  async close(): Promise<void> {
    this.#watches.close();
  }
}

function resolveLists(name: string, lists: StaticLists): ReadonlyMap<string, readonly Instance[]> {
  options(name, lists);
  const services = new Map<string, readonly Instance[]>();
  for (const [service, addresses] of Object.entries(lists)) {
    serviceName(`a service of ${name}`, service);
    if (!Array.isArray(addresses)) fail(`${name}.${service}`, 'a list of addresses', addresses);
    const instances = addresses.map((address, i) => resolveAddress(`${name}.${service}[${i}]`, service, address));
    const ids = instances.map(({ id }) => id);
    const twice = ids.find((id, i) => ids.indexOf(id) !== i);
    if (twice !== undefined) fail(`${name}.${service}`, 'a list of different addresses', `${twice} twice`);
    services.set(service, instances);
  }
  return services;
}

function resolveAddress(name: string, service: string, address: unknown): Instance {
  const { url, attributes, weight } = typeof address === 'string' ? { url: address } : resolveFields(name, address);
  const at = typeof address === 'string' ? name : `${name}.url`;
  const shown = typeof url === 'string' ? withoutCredentials(url) : url;
  const parsed = typeof url === 'string' ? URL.parse(url) : null;
  if (parsed === null || !isOrigin(parsed))
    fail(at, "a URL such as 'http://10.0.0.1:8080', without path, user or query", shown);
  const host = parsed.hostname.replace(/^\[|\]$/g, '');
  if (!callableHost(host)) fail(at, 'the address of a host that can be called', shown);
  const protocol = parsed.protocol === 'https:' ? 'https' : 'http';
  const port = parsed.port === '' ? (protocol === 'https' ? 443 : 80) : Number(parsed.port);
  if (port === 0) fail(at, 'a URL with a port from 1 to 65535', shown);
  return {
    id: `${host}:${port}`,
    service,
    host,
    port,
    protocol,
    attributes: resolveAttributes(`${name}.attributes`, attributes),
    weight: resolveWeight(`${name}.weight`, weight),
    status: 'up',
    generation: 0,
  };
}

function resolveFields(name: string, address: unknown): Partial<Record<'url' | 'attributes' | 'weight', unknown>> {
  options(name, address, ['url', 'attributes', 'weight']);
  return address as object; // `options` has checked that it is an object with these names at most
}

function isOrigin({ protocol, pathname, username, password, search, hash }: URL): boolean {
  return (protocol === 'http:' || protocol === 'https:') && pathname + username + password + search + hash === '/';
}

function resolveAttributes(name: string, value: unknown = {}): Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) fail(name, 'an object of strings', value);
  // Without a prototype, `__proto__` is a name like any other.
  const attributes: Record<string, string> = Object.create(null);
  for (const [attribute, text] of Object.entries(value)) attributes[attribute] = string(`${name}.${attribute}`, text);
  return attributes;
}

function resolveWeight(name: string, value: unknown = 1): number {
  const weight = finite(name, value, { max: 1_000 });
  if (weight <= 0) fail(name, 'a number above 0 and of at most 1000', value);
  return weight;
}
