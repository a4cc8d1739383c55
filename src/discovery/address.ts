import { BlockList, isIP } from 'node:net';

// What a registry must never make us call: nobody, everybody, and the metadata service of the cloud we run in. A list of v4 subnets also
// catches their v4-mapped forms.
const refused = new BlockList();
refused.addSubnet('0.0.0.0', 8);
refused.addSubnet('169.254.0.0', 16);
refused.addSubnet('224.0.0.0', 3); // multicast, reserved, broadcast
refused.addAddress('::', 'ipv6');
refused.addSubnet('::', 96, 'ipv6'); // v4 written inside of v6, the way before last; holds ::1, which is let through below
refused.addSubnet('64:ff9b::a9fe:0', 112, 'ipv6'); // 169.254.0.0/16 behind NAT64
refused.addAddress('fd00:ec2::254', 'ipv6');
refused.addSubnet('fe80::', 10, 'ipv6');
refused.addSubnet('ff00::', 8, 'ipv6');

const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i;
/** A last label that makes WHATWG's URL read the whole name as an IPv4 address: `127.1`, `0x7f000001`, `2130706433`, `0177.0.0.1`. */
const NUMERIC = /^(\d+|0x[0-9a-f]*)$/i;

/**
 * Whether `host` is an address that another process may be called at: a literal IP address, without brackets, or a plausible host name.
 * Addresses that stand for nobody or everybody, link-local ones (cloud metadata) and the odd ways to write a number are not.
 */
export function callableHost(host: string): boolean {
  const family = isIP(host);
  if (family === 0) return plausibleName(host);
  if (host.includes('%')) return false;
  return host === '::1' || !refused.check(host, family === 6 ? 'ipv6' : 'ipv4');
}

function plausibleName(host: string): boolean {
  if (host.length > 253) return false;
  const labels = host.split('.');
  return labels.every((label) => LABEL.test(label)) && !NUMERIC.test(labels.at(-1) ?? '');
}
