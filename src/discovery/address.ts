import { BlockList, isIP } from 'node:net';
import { hiddenV4 } from './ip-address.ts';

// What nobody must make us call: nobody, everybody, and what the machines of a cloud tell only to themselves. A list of v4 subnets also
// catches their v4-mapped forms.
const refused = new BlockList();
refused.addSubnet('0.0.0.0', 8);
refused.addSubnet('169.254.0.0', 16); // link-local, and most metadata services
refused.addAddress('100.100.100.200'); // metadata of Alibaba Cloud
refused.addAddress('168.63.129.16'); // the agent of Azure
refused.addAddress('192.0.0.192'); // metadata of Oracle Cloud, of old
refused.addSubnet('224.0.0.0', 3); // multicast, reserved, broadcast
refused.addSubnet('::', 96, 'ipv6'); // v4 written inside of v6, the way before last; holds ::1, which is let through below
refused.addSubnet('64:ff9b:1::', 48, 'ipv6'); // NAT64 of this site, where any v4 may be hidden at any place
refused.addSubnet('fd00:ec2::', 32, 'ipv6'); // metadata and other services of AWS
refused.addAddress('fd20:ce::254', 'ipv6'); // metadata of Google Cloud
refused.addSubnet('fe80::', 10, 'ipv6');
refused.addSubnet('fec0::', 10, 'ipv6'); // site-local, as deprecated as ambiguous
refused.addSubnet('ff00::', 8, 'ipv6');
const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8);
loopback.addAddress('::1', 'ipv6');

const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i;
/** A last label that makes WHATWG's URL read the whole name as an IPv4 address: `127.1`, `0x7f000001`, `2130706433`, `0177.0.0.1`. */
const NUMERIC = /^(\d+|0x[0-9a-f]*)$/i;

/** Where this process may be sent. */
export interface AddressRule {
  /** The part of an address for which it is refused, if it is. `port` is an integer from 1 to 65535. */
  refusal(host: string, port: number): 'host' | 'port' | undefined;
  /** Whether a connection to the host name `name` may be made to `address`, a literal one that a resolver gave for it. */
  leadsTo(name: string, address: string): boolean;
}

/** What a registry may say when nothing else was allowed: any literal address that can be called, at any port. No host names. */
export const defaultAddresses: AddressRule = {
  refusal: (host) => (callableAddress(host) ? undefined : 'host'),
  leadsTo: (_name, address) => callableAddress(address),
};

/** What the application itself says: host names too. */
export const ownAddresses: AddressRule = {
  refusal: (host) => (callableHost(host) ? undefined : 'host'),
  leadsTo: (_name, address) => callableAddress(address),
};

/**
 * Whether `host` is something that can be called: a literal IP address, without brackets, or a plausible host name. Addresses that stand
 * for nobody or everybody, link-local ones, those of cloud metadata and the odd ways to write a number are not.
 */
export function callableHost(host: string): boolean {
  return isIP(host) === 0 ? plausibleName(host) : callableAddress(host);
}

/** The same for literal addresses alone. One that hides another is as good as that. */
export function callableAddress(host: string): boolean {
  const family = isIP(host);
  if (family === 0 || host.includes('%')) return false;
  if (family === 4) return !refused.check(host);
  if (refused.check(host, 'ipv6')) return loopback.check(host, 'ipv6');
  const hidden = hiddenV4(host);
  return hidden === undefined || !refused.check(hidden);
}

/** Whether `host` is an address that only processes of the same machine can call. */
export function isLoopback(host: string): boolean {
  const family = isIP(host);
  return family === 0 ? host === 'localhost' : loopback.check(host, family === 6 ? 'ipv6' : 'ipv4');
}

/** Whether `host` may be a host name, and is no number in disguise. */
export function plausibleName(host: string): boolean {
  if (host.length > 253) return false;
  const labels = host.split('.');
  return labels.every((label) => LABEL.test(label)) && !NUMERIC.test(labels.at(-1) ?? '');
}
