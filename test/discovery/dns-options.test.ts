import { expect, test } from 'vitest';
import { parseDnsUrl } from '../../src/discovery/dns/dns-url.ts';
import { dnsRegistry } from '../../src/discovery/dns/entry.ts';
import { type DnsRegistryOptions, resolveDnsOptions } from '../../src/discovery/dns/options.ts';
import { openRegistry } from '../../src/discovery/open-registry.ts';
import { createScope } from './setup.ts';

test('all that is not said has a value, and what is said is kept', () => {
  expect(resolveDnsOptions('registry', { domain: 'Prod.svc.cluster.local.' })).toEqual({
    domain: 'prod.svc.cluster.local',
    port: undefined,
    srv: '_http._tcp',
    protocol: 'http',
    family: 'any',
    servers: undefined,
    minTtlMs: 1_000,
    maxTtlMs: 60_000,
    timeoutMs: 2_000,
  });
  expect(resolveDnsOptions('registry', { domain: 'a', minTtlMs: 90_000 }).maxTtlMs).toBe(90_000);
  const all = {
    domain: 'a.b',
    srv: '_grpc._tcp',
    protocol: 'https',
    family: 6,
    servers: ['10.0.0.1', '[::1]:53'],
    minTtlMs: 10,
    maxTtlMs: 20,
    timeoutMs: 30,
  } as const;
  expect(resolveDnsOptions('registry', all)).toEqual({ ...all, port: undefined });
  expect(dnsRegistry({ domain: 'a' })(createScope()).name).toBe('dns:a');
});

const urls: readonly [url: string, options: object | undefined][] = [
  ['dns:service.consul?srv=', { domain: 'service.consul', srv: '' }],
  ['dns:a?port=8080&protocol=https', { domain: 'a', port: 8080, protocol: 'https' }],
  ['dns:a?servers=10.0.0.1,[::1]:8600&family=4', { domain: 'a', servers: ['10.0.0.1', '[::1]:8600'], family: 4 }],
  ['dns:a?minTtlMs=100&maxTtlMs=200&timeoutMs=300', { domain: 'a', minTtlMs: 100, maxTtlMs: 200, timeoutMs: 300 }],
  ['dns:a?', { domain: 'a' }],
  ['dns:', undefined],
  ['dns:?port=1', undefined],
  ['dns://10.0.0.1/players', undefined],
  ['dns:a#b', undefined],
  ['dns:user:secret@a/', undefined],
];
test.each(urls)('%s is %j', (url, options) => {
  const parsed = parseDnsUrl('registry', url);
  expect(parsed === undefined ? undefined : { ...parsed }).toEqual(options);
});

const wrong: readonly [options: unknown, message: string][] = [
  [undefined, 'registry must be an object'],
  [{}, "registry.domain must be a domain such as 'prod.svc.cluster.local', not undefined"],
  [{ domain: '' }, 'registry.domain must be a domain'],
  [{ domain: '10.0.0.1' }, 'registry.domain must be a domain'],
  [{ domain: 'a..b' }, 'registry.domain must be a domain'],
  [{ domain: 'a b' }, 'registry.domain must be a domain'],
  [{ domain: 'x'.repeat(64) }, 'registry.domain must be a domain'],
  [{ domain: `${'x.'.repeat(90)}x` }, 'registry.domain must be so short that names have 253 characters'],
  [{ domain: 'a', prot: 1 }, "registry has no option 'prot'; it knows domain, port, srv"],
  [{ domain: 'a', port: 0 }, 'registry.port must be an integer from 1 to 65535, not 0'],
  [{ domain: 'a', port: '80' }, "registry.port must be an integer from 1 to 65535, not '80'"],
  [{ domain: 'a', port: 80, srv: '' }, 'registry.srv must be left out when there is a port'],
  [{ domain: 'a', srv: '_http.' }, 'registry.srv must be what precedes a service in the name of its SRV records'],
  [{ domain: 'a', protocol: 'ftp' }, "registry.protocol must be one of http, https, not 'ftp'"],
  [{ domain: 'a', family: 5 }, "registry.family must be 4, 6 or 'any', not 5"],
  [{ domain: 'a', servers: [] }, 'registry.servers must be a list of at least one address'],
  [{ domain: 'a', servers: '10.0.0.1' }, 'registry.servers must be a list of at least one address'],
  [{ domain: 'a', servers: ['ns.example'] }, 'registry.servers must be a list of at least one address'],
  [{ domain: 'a', servers: ['10.0.0.1', 7] }, 'registry.servers must be a list of at least one address'],
  [{ domain: 'a', minTtlMs: 9 }, 'registry.minTtlMs must be a number of milliseconds from 10 to 3600000, not 9'],
  [{ domain: 'a', maxTtlMs: 999 }, 'registry.maxTtlMs must be a number of milliseconds from 1000 to'],
  [{ domain: 'a', timeoutMs: 100_000 }, 'registry.timeoutMs must be a number of milliseconds from 10 to 60000'],
];
test.each(wrong)('%j is refused', (options, message) => {
  expect(() => resolveDnsOptions('registry', options as DnsRegistryOptions)).toThrow(message); // as a caller without types would
});

test('a URL is held to the same', () => {
  const open = (url: string) => () => openRegistry('registry', url);
  expect(open('dns:a?port=x')).toThrow("registry.port must be an integer from 1 to 65535, not 'x'");
  expect(open('dns:a?ports=1')).toThrow("registry has no option 'ports'");
  expect(open('dns:a?__proto__=1')).toThrow("registry has no option '__proto__'");
  expect(open('dns:a?port=1&port=2')).toThrow("registry has the option 'port' twice");
  expect(open('dns:a?domain=b')).toThrow("registry has the option 'domain' twice");
  expect(open('dns:10.0.0.1')).toThrow("registry.domain must be a domain such as 'prod.svc.cluster.local'");
});
