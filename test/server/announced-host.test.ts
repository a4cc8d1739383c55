import type { NetworkInterfaceInfo } from 'node:os';
import { expect, test } from 'vitest';
import { announcedHost } from '../../src/server/announced-host.ts';

const address = (address: string, family: 'IPv4' | 'IPv6', internal = false): NetworkInterfaceInfo =>
  family === 'IPv4'
    ? { address, family, internal, netmask: '', mac: '', cidr: null }
    : { address, family, internal, netmask: '', mac: '', cidr: null, scopeid: 0 };

const interfaces = {
  lo: [address('127.0.0.1', 'IPv4', true), address('::1', 'IPv6', true)],
  down: undefined,
  eth0: [address('fe80::1', 'IPv6'), address('169.254.7.7', 'IPv4'), address('10.0.0.7', 'IPv4')],
  eth1: [address('10.0.0.8', 'IPv4')],
};

test('a server bound to one address is announced under it', () => {
  expect(announcedHost('127.0.0.1', interfaces)).toBe('127.0.0.1');
  expect(announcedHost('2001:db8::1', interfaces)).toBe('2001:db8::1');
});

test.each([undefined, '0.0.0.0', '::'])(
  'a server bound to %s is announced under the first IPv4 address that others can reach (F57)',
  (bound) => {
    expect(announcedHost(bound, interfaces)).toBe('10.0.0.7');
  },
);

test('a machine without a network announces the loopback', () => {
  expect(announcedHost('::', { lo: interfaces.lo })).toBe('127.0.0.1');
});
