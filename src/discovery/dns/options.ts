import { isIP } from 'node:net';
import { durationMs, fail, integer, oneOf, options } from '../../core/check.ts';
import { acceptsServers } from './resolver.ts';

/** Where services stand in DNS, and how often to ask. */
export interface DnsRegistryOptions {
  /** What follows the name of a service: `prod.svc.cluster.local`, `service.consul`. Whole; search domains of the host are not used. */
  readonly domain: string;
  /**
   * The port of all instances, 1 to 65535: then the addresses of `players.DOMAIN` are the instances. Without it, SRV records tell
   * addresses, ports and weights.
   */
  readonly port?: number | undefined;
  /** What precedes the name of a service when SRV records are asked for; `''` when nothing does. Not with `port`. @default '_http._tcp', or '_https._tcp' */
  readonly srv?: string | undefined;
  /** What the instances speak. @default 'http' */
  readonly protocol?: 'http' | 'https' | undefined;
  /** Which addresses are asked for: IPv4, IPv6, or IPv6 where there is no IPv4. @default 'any' */
  readonly family?: 4 | 6 | 'any' | undefined;
  /** Whom to ask: addresses with or without a port, such as `10.96.0.10` or `[::1]:8600`. @default those of the host */
  readonly servers?: readonly string[] | undefined;
  /** Least milliseconds between an answer and the next question, whatever its TTL says. 10 to 3600000. @default 1000 */
  readonly minTtlMs?: number | undefined;
  /** Most milliseconds between an answer and the next question, whatever its TTL says: from `minTtlMs` to 86400000. @default 60000, or `minTtlMs` when that is more */
  readonly maxTtlMs?: number | undefined;
  /** How long a server has for its answer, in milliseconds; it is asked twice, the second time with twice that. 10 to 60000. @default 2000 */
  readonly timeoutMs?: number | undefined;
}

export interface ResolvedDnsOptions {
  /** Without the dot at its end, in lower case. */
  readonly domain: string;
  /** `undefined` when SRV records are asked for. */
  readonly port: number | undefined;
  readonly srv: string;
  readonly protocol: 'http' | 'https';
  readonly family: 4 | 6 | 'any';
  readonly servers: readonly string[] | undefined;
  readonly minTtlMs: number;
  readonly maxTtlMs: number;
  readonly timeoutMs: number;
}

const KNOWN = ['domain', 'port', 'srv', 'protocol', 'family', 'servers', 'minTtlMs', 'maxTtlMs', 'timeoutMs'];
const LABELS = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/;
/** A name has at most 253 characters, and a service up to 63 of them. */
const MAX_AROUND = 253 - 63 - 2;
const MAX_TTL_MS = 3_600_000;

/** Checks the options; `name` is what they are called in errors. */
export function resolveDnsOptions(name: string, given: DnsRegistryOptions): ResolvedDnsOptions {
  options(name, given, KNOWN);
  const { port } = given;
  const protocol = oneOf(`${name}.protocol`, given.protocol ?? 'http', ['http', 'https']);
  if (port !== undefined && given.srv !== undefined)
    fail(`${name}.srv`, 'left out when there is a port: SRV records have ports of their own', given.srv);
  const domain = resolveDomain(`${name}.domain`, given.domain);
  const srv = resolveSrv(`${name}.srv`, given.srv ?? `_${protocol}._tcp`);
  if (domain.length + srv.length > MAX_AROUND)
    fail(`${name}.domain`, 'so short that names have 253 characters', domain);
  const minTtlMs = durationMs(`${name}.minTtlMs`, given.minTtlMs ?? 1_000, { min: 10, max: MAX_TTL_MS });
  return {
    domain,
    port: port === undefined ? undefined : integer(`${name}.port`, port, { min: 1, max: 65_535 }),
    srv,
    protocol,
    family: resolveFamily(`${name}.family`, given.family ?? 'any'),
    servers: given.servers === undefined ? undefined : resolveServers(`${name}.servers`, given.servers),
    minTtlMs,
    maxTtlMs: durationMs(`${name}.maxTtlMs`, given.maxTtlMs ?? Math.max(60_000, minTtlMs), {
      min: minTtlMs,
      max: 24 * MAX_TTL_MS,
    }),
    timeoutMs: durationMs(`${name}.timeoutMs`, given.timeoutMs ?? 2_000, { min: 10, max: 60_000 }),
  };
}

function resolveDomain(name: string, domain: unknown): string {
  const whole = typeof domain === 'string' ? domain.toLowerCase().replace(/\.$/, '') : '';
  // An address is whom to ask, and never what follows the name of a service.
  if (!LABELS.test(whole) || isIP(whole) !== 0) fail(name, "a domain such as 'prod.svc.cluster.local'", domain);
  return whole;
}

function resolveSrv(name: string, srv: unknown): string {
  const whole = typeof srv === 'string' ? srv.toLowerCase() : undefined;
  if (whole === undefined || (whole !== '' && !LABELS.test(whole)))
    fail(name, "what precedes a service in the name of its SRV records, such as '_http._tcp', or ''", srv);
  return whole;
}

function resolveFamily(name: string, family: unknown): 4 | 6 | 'any' {
  if (family !== 4 && family !== 6 && family !== 'any') fail(name, "4, 6 or 'any'", family);
  return family;
}

function resolveServers(name: string, servers: unknown): readonly string[] {
  const given: readonly unknown[] = Array.isArray(servers) ? servers : [];
  const addresses = given.filter((server) => typeof server === 'string');
  if (addresses.length === 0 || addresses.length < given.length || !acceptsServers(addresses))
    fail(name, "a list of at least one address, such as '10.96.0.10' or '[::1]:8600'", servers);
  return addresses;
}
