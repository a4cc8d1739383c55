import type { NetworkInterfaceInfo } from 'node:os';
import { expect, test } from 'vitest';
import { defaultAddresses } from '../../src/discovery/address.ts';
import { resolveAddresses } from '../../src/discovery/address-options.ts';
import { announcedHost, checkHost } from '../../src/server/announced-host.ts';

const address = (address: string, family: 'IPv4' | 'IPv6', internal = false): NetworkInterfaceInfo =>
  family === 'IPv4'
    ? { address, family, internal, netmask: '', mac: '', cidr: null }
    : { address, family, internal, netmask: '', mac: '', cidr: null, scopeid: 0 };

const interfaces = {
  lo: [address('127.0.0.1', 'IPv4', true), address('::1', 'IPv6', true)],
  down: undefined,
  eth0: [address('fe80::1', 'IPv6'), address('169.254.7.7', 'IPv4'), address('10.0.0.7', 'IPv4')],
  eth1: [address('10.0.0.8', 'IPv4'), address('2001:db8::8', 'IPv6')],
};
const any = (address: string) => defaultAddresses.refusal(address, 80) === undefined;

test('a server bound to one address is announced under it', () => {
  expect(announcedHost('127.0.0.1', interfaces, any)).toBe('127.0.0.1');
  expect(announcedHost('2001:db8::1', interfaces, any)).toBe('2001:db8::1');
});

test.each([undefined, '0.0.0.0', '::', '::ffff:0.0.0.0', '0:0:0:0:0:0:0:0'])(
  'F57: a server bound to %s is announced under the first IPv4 address that others can reach',
  (bound) => {
    expect(announcedHost(bound, interfaces, any)).toBe('10.0.0.7');
  },
);

test('F57: a machine without IPv4 announces its first IPv6 address, unless the server listens on all of IPv4 only', () => {
  const { lo } = interfaces;
  const eth0 = [address('fe80::1', 'IPv6'), address('2001:db8::7', 'IPv6')];
  expect(announcedHost('::', { lo, eth0 }, any)).toBe('2001:db8::7');
  expect(announcedHost(undefined, { lo, eth0 }, any)).toBe('2001:db8::7');
  expect(announcedHost('0.0.0.0', { lo, eth0 }, any)).toBe('127.0.0.1');
});

test('of several networks, the first one that is allowed is announced', () => {
  const rule = resolveAddresses('addresses', { networks: ['10.0.0.8/30', '2001:db8::/32'] });
  expect(announcedHost('::', interfaces, (one) => rule.refusal(one, 80) === undefined)).toBe('10.0.0.8');
  const v6 = resolveAddresses('addresses', { networks: ['2001:db8::/32'] });
  expect(announcedHost('::', interfaces, (one) => v6.refusal(one, 80) === undefined)).toBe('2001:db8::8');
});

test('a machine without a network announces the loopback', () => {
  expect(announcedHost('::', { lo: interfaces.lo }, any)).toBe('127.0.0.1');
});

test.each(['0.0.0.0', '::', '[::]', '0', '0x0', '::0', '169.254.169.254', '127.1', 'fe80::1', 'a:80', 'x/y', ''])(
  'F57: %j cannot be announced',
  (host) => {
    expect(() => checkHost('register.host', host)).toThrow(/^register.host must be /);
  },
);
