import { isIPv6 } from 'node:net';
import type { NetworkInterfaceInfo } from 'node:os';
import { fail } from '../core/check.ts';

const LOOPBACK = '127.0.0.1';
const LINK_LOCAL = '169.254.';
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
  return value;
}

/**
 * The host to announce for a server bound to `bound` (`undefined` when unknown): that address when it is one of a machine; for a wildcard
 * the first IPv4 address of `interfaces` that others can reach (not link-local); the loopback when there is none.
 */
export function announcedHost(
  bound: string | undefined,
  interfaces: NodeJS.Dict<readonly NetworkInterfaceInfo[]>,
): string {
  if (bound !== undefined && !WILDCARDS.includes(canonicalHost(bound) ?? '')) return bound;
  for (const addresses of Object.values(interfaces)) {
    const outward = addresses?.find(
      ({ family, internal, address }) => family === 'IPv4' && !internal && !address.startsWith(LINK_LOCAL),
    );
    if (outward !== undefined) return outward.address;
  }
  return LOOPBACK;
}

/** The host as a client will understand it: `0` and `0x0` are the address 0.0.0.0 to a URL, `::0` is `[::]`. */
function canonicalHost(host: string): string | undefined {
  return URL.parse(`http://${isIPv6(host) ? `[${host}]` : host}`)?.hostname;
}
