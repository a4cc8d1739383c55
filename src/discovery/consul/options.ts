import { boolean, fail, oneOf, options, string } from '../../core/check.ts';
import { withoutCredentials } from '../credentials.ts';

/**
 * How to read, and perhaps write, the services of a Consul agent. Nothing has to be said when one runs on this machine.
 *
 * Each service that is followed holds one connection to the agent, which takes 200 from one address unless its own option
 * `limits.http_max_conns_per_client` says otherwise.
 */
export interface ConsulRegistryOptions {
  /** The agent: scheme, host and port. @default 'http://127.0.0.1:8500' */
  readonly url?: string | undefined;
  /** An ACL token, or what gives one whenever it is needed; never shown. None by default. */
  readonly token?: string | (() => string | Promise<string>) | undefined;
  /** Certificates to trust instead of the system's, as PEM. */
  readonly ca?: string | undefined;
  /** Where to look for services. @default the agent's own */
  readonly datacenter?: string | undefined;
  /** The namespace, of an agent that has them. @default that of the token */
  readonly namespace?: string | undefined;
  /** Only instances with all of these tags; what is registered has them. None by default. */
  readonly tags?: readonly string[] | undefined;
  /** Whether any server may answer (`stale`), or the leader only and after it has made sure (`consistent`). @default 'default' */
  readonly consistency?: 'default' | 'stale' | 'consistent' | undefined;
  /** How instances are called that no mesh has registered. @default 'http' */
  readonly protocol?: 'http' | 'https' | undefined;
  /** Whether a process that announces itself is registered with the agent. Without that the registry only reads. @default false */
  readonly register?: boolean | undefined;
}

export interface ResolvedConsulOptions {
  readonly name: string;
  readonly url: URL;
  readonly token: string | (() => string | Promise<string>) | undefined;
  readonly ca: string | undefined;
  readonly datacenter: string | undefined;
  readonly namespace: string | undefined;
  readonly tags: readonly string[];
  readonly consistency: 'default' | 'stale' | 'consistent';
  readonly protocol: 'http' | 'https';
  readonly register: boolean;
}

const NAMES = ['url', 'token', 'ca', 'datacenter', 'namespace', 'tags', 'consistency', 'protocol', 'register'];
/** What can stand in a query and in a header as it is. */
const PLAIN = /^[\w.-]{1,128}$/;

/** Checks the options; `name` is what they are called in errors. */
export function resolveConsulOptions(name: string, given: ConsulRegistryOptions): ResolvedConsulOptions {
  options(name, given, NAMES);
  const { token, ca, datacenter, namespace, tags = [] } = given;
  const url = resolveUrl(`${name}.url`, given.url ?? 'http://127.0.0.1:8500');
  // What is no text may be a token in disguise, so it is not shown.
  if (token !== undefined && typeof token !== 'function' && !/^[\x21-\x7e]+$/.test(String(token)))
    fail(`${name}.token`, 'a token, or a function', 'something else');
  if (!Array.isArray(tags)) fail(`${name}.tags`, 'a list of tags', tags);
  for (const tag of tags)
    if (typeof tag !== 'string' || !/^[^"\\`]{1,255}$/.test(tag))
      fail(`${name}.tags`, 'a list of tags without quotes', tag);
  return {
    name: `consul://${url.host}`,
    url,
    token,
    ca: ca === undefined ? undefined : string(`${name}.ca`, ca),
    datacenter: plain(`${name}.datacenter`, datacenter),
    namespace: plain(`${name}.namespace`, namespace),
    tags: [...tags],
    consistency: oneOf(`${name}.consistency`, given.consistency ?? 'default', ['default', 'stale', 'consistent']),
    protocol: oneOf(`${name}.protocol`, given.protocol ?? 'http', ['http', 'https']),
    register: boolean(`${name}.register`, given.register ?? false),
  };
}

/** The options that `consul:` or `consul://HOST:PORT?dc=DATACENTER` stands for; `undefined` when it is none. */
export function consulUrl(url: string): ConsulRegistryOptions | undefined {
  if (url === 'consul:') return {};
  const [, authority, datacenter] = /^consul:\/\/([^/?#@]+)\/?(?:\?dc=([^&#]+))?$/.exec(url) ?? [];
  if (authority === undefined) return undefined;
  return { url: `http://${/:\d+$/.test(authority) ? authority : `${authority}:8500`}`, datacenter };
}

function resolveUrl(name: string, given: unknown): URL {
  const url = typeof given === 'string' ? URL.parse(given) : null;
  if (
    url === null ||
    !/^https?:$/.test(url.protocol) ||
    url.pathname + url.username + url.password + url.search !== '/'
  )
    fail(name, "a URL such as 'http://127.0.0.1:8500'", typeof given === 'string' ? withoutCredentials(given) : given);
  return url;
}

function plain(name: string, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || !PLAIN.test(value)) fail(name, 'a name of letters, digits, ".", "_", "-"', value);
  return value;
}
