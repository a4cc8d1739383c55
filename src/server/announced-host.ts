import { isIPv6 } from 'node:net';
import type { NetworkInterfaceInfo } from 'node:os';
import { fail } from '../core/check.ts';
import { callableHost } from '../discovery/address.ts';

const LOOPBACK = '127.0.0.1';
const WILDCARDS: readonly string[] = ['0.0.0.0', '[::]', '[::ffff:0:0]'];
const HOST = /^[a-z0-9]([a-z0-9._-]{0,251}[a-z0-9])?$/i;

/**
 * A host name or literal address that somebody else can call. A wildcard is refused in all its spellings: a server may be bound to it, but
 * a caller that connects to it reaches itself.
 */
export function checkHost(name: string, value: unknown): string {
  if (typeof value !== 'string' || !(isIPv6(value) || HOST.test(value)))
    fail(name, 'a host name or an IP address, without a port', value);
  const canonical = canonicalHost(value);
  if (canonical === undefined) fail(name, 'a host name or an IP address', value);
  if (WILDCARDS.includes(canonical)) fail(name, 'an address that others can call, which a wildcard is not', value);
  if (!callableHost(value)) fail(name, 'a host name or an IP address that others can call', value);
  return value;
}

/**
 * The host to announce for a server bound to `bound` (`undefined` when unknown): that address when it is one of a machine. For a wildcard
 * the first address of `interfaces` that others can reach and that is `allowed`, IPv4 before IPv6; the loopback when there is none.
 */
export function announcedHost(
  bound: string | undefined,
  interfaces: NodeJS.Dict<readonly NetworkInterfaceInfo[]>,
  allowed: (address: string) => boolean,
): string {
  if (bound !== undefined && !WILDCARDS.includes(canonicalHost(bound) ?? '')) return bound;
  const outward = Object.values(interfaces)
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, address }) => !internal && allowed(address));
  // Whoever listens on all of IPv4 is not reached by IPv6; the other way round he is, unless he said otherwise.
  const families = bound === '0.0.0.0' ? ['IPv4'] : ['IPv4', 'IPv6'];
  for (const family of families) {
    const found = outward.find((one) => one.family === family);
    if (found !== undefined) return found.address;
  }
  return LOOPBACK;
}

/** The host as a client will understand it: `0` and `0x0` are the address 0.0.0.0 to a URL, `::0` is `[::]`. */
function canonicalHost(host: string): string | undefined {
  return URL.parse(`http://${isIPv6(host) ? `[${host}]` : host}`)?.hostname;
}
