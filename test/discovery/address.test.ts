import { describe, expect, test } from 'vitest';
import { defaultAddresses, ownAddresses } from '../../src/discovery/address.ts';
import { type AddressOptions, resolveAddresses } from '../../src/discovery/address-options.ts';
import { parseRecord } from '../../src/discovery/record.ts';
import { instanceOf } from './setup.ts';

const refusal = (options: AddressOptions | undefined, host: string, port = 8080) =>
  resolveAddresses('addresses', options).refusal(host, port);

/** Everything that can be allowed. */
const everything: AddressOptions = { networks: ['0.0.0.0/0', '::/0'], ports: [[1, 65_535]], names: ['*'] };

const never: readonly (readonly [why: string, hosts: readonly string[]])[] = [
  [
    'the metadata of a cloud',
    [
      '169.254.169.254',
      '169.254.170.2',
      '100.100.100.200',
      '168.63.129.16',
      '192.0.0.192',
      'fd00:ec2::254',
      'FD00:0EC2::23',
      'fd20:ce::254',
    ],
  ],
  [
    'it in another guise',
    [
      '::ffff:169.254.169.254',
      '::ffff:a9fe:a9fe',
      '0:0:0:0:0:FFFF:A9FE:A9FE',
      '::a9fe:a9fe',
      '::169.254.169.254',
      '::127.0.0.1',
      '::7f00:1',
      '::ffff:0:a9fe:a9fe',
      '64:ff9b::a9fe:a9fe',
      '64:FF9B::169.254.169.254',
      '64:ff9b:1::a9fe:a9fe',
      '64:ff9b:1:a9fe:a9:fe00::',
      '2002:a9fe:a9fe::1',
      '2001:0:4136:e378:8000:63bf:5601:5601',
      '64:ff9b::e000:1',
      '64:ff9b::0',
    ],
  ],
  ['link-local', ['169.254.0.1', 'fe80::1', 'FE80::1', 'febf::1', 'fec0::1', 'fe80::1%eth0']],
  [
    'nobody, or everybody',
    ['0.0.0.0', '0.1.2.3', '::', '0::0', '::ffff:0.0.0.0', '255.255.255.255', '224.0.0.1', '240.0.0.1', 'ff02::1'],
  ],
  [
    'a number in disguise',
    [
      '127.1',
      '0x7f000001',
      '2130706433',
      '0177.0.0.1',
      '017700000001',
      '0x7f.1',
      '1.2.3.4.5',
      '256.1.1.1',
      '01.2.3.4',
      'example.0x7f',
      '0x',
      '1',
      '10.0.0.1.',
    ],
  ],
  [
    'more than a host',
    [
      '10.0.0.1@evil.com',
      'user:secret@10.0.0.1',
      'evil.com#@10.0.0.1',
      'evil.com/path',
      'evil.com\\@10.0.0.1',
      '10.0.0.1:80',
      'a:80',
      '[::1]',
      '[::1',
      '10.0.0.1 ',
      ' 10.0.0.1',
      '10.0.0.1\n',
      '10.0.0.1\0',
      'a b',
      'a%b',
      '%31%30.0.0.1',
      '2001:db8::1%eth0',
      '::1%lo',
      '1::2::3',
    ],
  ],
  [
    'no name',
    [
      '',
      '.',
      'a..b',
      'a.',
      '.a',
      '-a',
      'a-',
      'a\n',
      'ünïcode',
      '１０.0.0.1',
      '10。0。0。1',
      '①.0.0.1',
      `${'a'.repeat(64)}.com`,
      `${'a.'.repeat(126)}toolong`,
      'x'.repeat(3_000),
    ],
  ],
];

describe.each(never)('%s', (_why, hosts) => {
  test.each(hosts)('F101: at %j is refused, whatever is allowed', (host) => {
    expect(refusal(undefined, host)).toBe('host');
    expect(refusal(everything, host)).toBe('host');
    expect(ownAddresses.refusal(host, 80)).toBe('host');
    expect(parseRecord(JSON.stringify(instanceOf({ host })))).toEqual({ refused: 'host' });
  });
});

test.each([
  '10.0.0.1',
  '127.0.0.1',
  '203.0.113.7',
  '::1',
  '0:0:0:0:0:0:0:1',
  '2001:db8::1',
  '2001:DB8:0::1',
  'fd12:3456::1',
  '::ffff:10.0.0.1',
  '::FFFF:a00:1',
  '64:ff9b::a00:1',
  '2002:a00:1::1',
  '100.64.0.1',
])('the literal address %s is taken unless networks say otherwise', (host) => {
  expect(refusal(undefined, host, 1)).toBeUndefined();
  expect(refusal(undefined, host, 65_535)).toBeUndefined();
  expect(refusal(everything, host)).toBeUndefined();
});

describe('allowed networks', () => {
  const networks = ['10.0.0.0/8', '192.168.1.7', 'fd00::/8'];
  test.each([
    ['10.0.0.1', true],
    ['10.255.255.255', true],
    ['::ffff:10.1.2.3', true],
    ['::FFFF:0A01:0203', true],
    ['192.168.1.7', true],
    ['fd12::1', true],
    ['FD12:0::1', true],
    ['11.0.0.1', false],
    ['::ffff:11.0.0.1', false],
    ['192.168.1.8', false],
    ['127.0.0.1', false],
    ['::1', false],
    ['2001:db8::1', false],
    ['64:ff9b::a00:1', false],
    ['fd00:ec2::254', false],
    ['players.internal', false],
    ['10.0.0.1.internal', false],
  ])('F101: %s is in them: %s', (host, allowed) => {
    expect(refusal({ networks }, host)).toBe(allowed ? undefined : 'host');
  });
});

test.each([
  [22, 'port'],
  [8079, 'port'],
  [8080, undefined],
  [8081, 'port'],
  [30_000, undefined],
  [32_767, undefined],
  [32_768, 'port'],
])('F101: with allowed ports 8080 and 30000 to 32767, %d is %s', (port, expected) => {
  expect(refusal({ ports: [8080, [30_000, 32_767]] }, '10.0.0.1', port)).toBe(expected);
});

describe('allowed names', () => {
  const names = ['players.internal', '*.Svc.Local'];
  test.each([
    ['players.internal', true],
    ['PLAYERS.internal', true],
    ['a.svc.local', true],
    ['a.b.svc.local', true],
    ['10.0.0.1', true],
    ['svc.local', false],
    ['.svc.local', false],
    ['evilsvc.local', false],
    ['a.svc.local.', false],
    ['a.svc.local.evil.com', false],
    ['evil.com#.svc.local', false],
    ['x.players.internal', false],
    ['localhost', false],
  ])('F101: %s is one of them: %s', (host, allowed) => {
    expect(refusal({ names }, host)).toBe(allowed ? undefined : 'host');
  });

  test('may lead into the allowed networks only; those of the application anywhere that can be called', () => {
    const rule = resolveAddresses('addresses', { networks: ['10.0.0.0/8'], names: ['*.internal'] });
    expect(rule.leadsTo('a.internal', '10.0.0.1')).toBe(true);
    expect(rule.leadsTo('a.internal', '127.0.0.1')).toBe(false);
    expect(rule.leadsTo('localhost', '127.0.0.1')).toBe(true);
    expect(rule.leadsTo('localhost', '169.254.169.254')).toBe(false);
    expect(defaultAddresses.leadsTo('localhost', '::1')).toBe(true);
    expect(defaultAddresses.leadsTo('localhost', '::ffff:a9fe:a9fe')).toBe(false);
  });
});

test.each([
  [7, 'addresses must be an object, not 7'],
  [{ network: [] }, "addresses has no option 'network'; it knows networks, ports, names"],
  [{ networks: '10.0.0.0/8' }, "addresses.networks must be a list of at least one of networks, not '10.0.0.0/8'"],
  [{ networks: [] }, 'addresses.networks must be a list of at least one of networks, not an array'],
  [
    { networks: ['10.0.0.0/33'] },
    "addresses.networks[0] must be a network such as '10.0.0.0/8' or 'fd00::/8', or a literal address, not '10.0.0.0/33'",
  ],
  [
    { networks: ['::1', 'fd00::/129'] },
    "addresses.networks[1] must be a network such as '10.0.0.0/8' or 'fd00::/8', or a literal address, not 'fd00::/129'",
  ],
  [{ networks: ['10.0.0.0/'] }, "not '10.0.0.0/'"],
  [{ networks: ['10.0.0.0/8/8'] }, "not '10.0.0.0/8/8'"],
  [{ networks: ['10.0.0.0/-1'] }, "not '10.0.0.0/-1'"],
  [{ networks: ['10.0.0.0/8\n'] }, "not '10.0.0.0/8\n'"],
  [{ networks: ['fe80::1%eth0'] }, "not 'fe80::1%eth0'"],
  [{ networks: ['internal'] }, "not 'internal'"],
  [{ networks: [10] }, 'literal address, not 10'],
  [{ ports: 80 }, 'addresses.ports must be a list of at least one of ports, not 80'],
  [{ ports: [0] }, 'addresses.ports[0] must be an integer from 1 to 65535, not 0'],
  [{ ports: ['80'] }, "addresses.ports[0] must be an integer from 1 to 65535, not '80'"],
  [{ ports: [[80]] }, 'addresses.ports[0] must be a port, or the first and the last of a range, not an array'],
  [{ ports: [80, [90, 80]] }, 'addresses.ports[1][1] must be an integer from 90 to 65535, not 80'],
  [{ ports: [[1, 65_536]] }, 'addresses.ports[0][1] must be an integer from 1 to 65535, not 65536'],
  [{ names: [] }, 'addresses.names must be a list of at least one of host names, not an array'],
  [
    { names: ['a', '*internal'] },
    "addresses.names[1] must be a host name, '*.' and a host name, or '*', not '*internal'",
  ],
  [{ names: ['*.'] }, "not '*.'"],
  [{ names: ['a.*.b'] }, "not 'a.*.b'"],
  [{ names: ['10.0.0.1'] }, "not '10.0.0.1'"],
  [{ names: [7] }, "or '*', not 7"],
])('addresses that are wrong are refused: %j', (given, message) => {
  expect(() => resolveAddresses('addresses', given as AddressOptions)).toThrow(message); // as a caller without types would
});
