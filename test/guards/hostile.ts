import type { Guard } from './guard.ts';

const record = { file: 'src/discovery/record.ts', test: 'test/discovery/record.test.ts' };
const address = { file: 'src/discovery/address.ts', test: 'test/discovery/address.test.ts' };
const options = { file: 'src/discovery/address-options.ts', test: 'test/discovery/address.test.ts' };
const connect = { test: 'test/discovery/hostile.test.ts' };

/** What keeps a hostile registry from leading anybody anywhere. */
export const hostileGuards: readonly Guard[] = [
  {
    ...record,
    failure: 'F100',
    guard: "  if (text.length > MAX_BYTES || Buffer.byteLength(text) > MAX_BYTES) return { refused: 'size' };\n",
    without: '',
    name: 'F100:',
  },
  {
    ...record,
    failure: 'F100',
    guard: "if (!isInteger(port) || port < 1 || port > 65_535) return { refused: 'port' };",
    without: "if (typeof port !== 'number') return { refused: 'port' };",
    name: 'F100: with',
  },
  {
    ...record,
    failure: 'F101',
    guard: 'const refused = (expected.addresses ?? defaultAddresses).refusal(host, port);',
    without: 'const refused = undefined;',
    name: 'F101:',
  },
  {
    ...address,
    failure: 'F101',
    guard: 'refusal: (host) => (callableAddress(host) ?',
    without: 'refusal: (host) => (callableHost(host) ?',
    name: 'F101: the host name',
    test: record.test,
  },
  {
    ...address,
    failure: 'F101',
    guard: 'return hidden === undefined || !refused.check(hidden);',
    without: 'return true;',
    name: 'it in another guise',
  },
  {
    ...address,
    failure: 'F101',
    guard: "family === 0 || host.includes('%')",
    without: 'family === 0',
    name: 'more than a host',
  },
  {
    ...address,
    failure: 'F101',
    guard: " && !NUMERIC.test(labels.at(-1) ?? '')",
    without: '',
    name: 'a number in disguise',
  },
  {
    ...options,
    failure: 'F101',
    guard: 'callableAddress(address) && allowed.check(',
    without: 'allowed.check(',
    name: 'F101: at',
  },
  {
    ...options,
    failure: 'F101',
    guard: "return allowsPort(port) ? undefined : 'port';",
    without: 'return undefined;',
    name: 'F101: with allowed ports',
  },
  {
    ...connect,
    failure: 'F101',
    file: 'src/client/guarded-lookup.ts',
    guard: 'all.filter(({ address }) => addresses.leadsTo(name, address))',
    without: 'all',
    name: 'F101: does not connect',
  },
  {
    ...connect,
    failure: 'F101',
    file: 'src/client/pools.ts',
    guard: ', lookup: this.#lookup }',
    without: ' }',
    name: 'F101: does not connect',
  },
  {
    ...connect,
    failure: 'F101',
    file: 'src/client/node-http/binding.ts',
    guard: '    lookup: agents.lookup(options.lookup),\n',
    without: '',
    name: 'F101: does not connect',
  },
  {
    ...record,
    failure: 'F102',
    guard: ' || (expected.id !== undefined && id !== expected.id)',
    without: '',
    name: 'F102:',
  },
  {
    ...record,
    failure: 'F102',
    guard: ' || (expected.service !== undefined && service !== expected.service)',
    without: '',
    name: 'F102:',
  },
  {
    ...record,
    failure: 'F104',
    guard: 'Object.create(null)',
    without: '{}',
    name: 'F104:',
  },
];
