import { BlockList, isIP } from 'node:net';
import { fail, integer, options } from '../core/check.ts';
import { type AddressRule, callableAddress, defaultAddresses, plausibleName } from './address.ts';

/** A port, or the first and the last of a range. */
export type PortRange = number | readonly [first: number, last: number];

/**
 * Which addresses a registry may send this process to, and this process may announce. Link-local addresses, those of cloud metadata, those
 * that stand for nobody or everybody, and port 0 are refused whatever is allowed here. Lists in code are the application's own word: of
 * this, only what is always refused is refused there.
 */
export interface AddressOptions {
  /** Such as `['10.0.0.0/8', 'fd00::/8']`: literal addresses have to be in one of them. At least one. @default all networks */
  readonly networks?: readonly string[] | undefined;
  /** Such as `[8080, [30000, 32767]]`. At least one. @default 1 to 65535 */
  readonly ports?: readonly PortRange[] | undefined;
  /**
   * Host names that are allowed: `'players.internal'`, `'*.internal'` for all below that name, `'*'` for all. Where they lead is looked up
   * for each connection, and has to be in `networks`.
   * @default none: only literal addresses
   */
  readonly names?: readonly string[] | undefined;
}

const NAMES = ['networks', 'ports', 'names'] as const;

/** Checks the options; `name` is what they are called in errors. */
export function resolveAddresses(name: string, given: AddressOptions | undefined): AddressRule {
  if (given === undefined) return defaultAddresses;
  options(name, given, NAMES);
  const { networks, ports, names } = given;
  const inNetworks = networks === undefined ? callableAddress : resolveNetworks(`${name}.networks`, networks);
  const allowsPort = ports === undefined ? () => true : resolvePorts(`${name}.ports`, ports);
  const allowsName = names === undefined ? () => false : resolveNames(`${name}.names`, names);
  return {
    refusal(host, port) {
      const allowed = isIP(host) === 0 ? plausibleName(host) && allowsName(host) : inNetworks(host);
      if (!allowed) return 'host';
      return allowsPort(port) ? undefined : 'port';
    },
    // A name that no registry may give is the application's own.
    leadsTo: (host, address) => (allowsName(host) ? inNetworks(address) : callableAddress(address)),
  };
}

function resolveNetworks(name: string, networks: readonly string[]): (address: string) => boolean {
  const allowed = new BlockList();
  for (const [i, network] of list(name, networks, 'networks').entries()) addNetwork(allowed, `${name}[${i}]`, network);
  return (address) => callableAddress(address) && allowed.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

function addNetwork(allowed: BlockList, name: string, network: unknown): void {
  const [address = '', length] = typeof network === 'string' ? network.split(/\/(.*)/s, 2) : [];
  const family = address.includes('%') ? 0 : isIP(address);
  const bits = family === 6 ? 128 : 32;
  const prefix = length === undefined ? bits : Number(length);
  if (family === 0 || !/^\d{1,3}$/.test(length ?? '0') || prefix > bits)
    fail(name, "a network such as '10.0.0.0/8' or 'fd00::/8', or a literal address", network);
  allowed.addSubnet(address, prefix, family === 6 ? 'ipv6' : 'ipv4');
}

function resolvePorts(name: string, ports: readonly PortRange[]): (port: number) => boolean {
  const ranges = list(name, ports, 'ports').map((range, i): readonly [number, number] => {
    if (!Array.isArray(range)) return both(port(`${name}[${i}]`, range));
    const bounds: readonly unknown[] = range;
    if (bounds.length !== 2) fail(`${name}[${i}]`, 'a port, or the first and the last of a range', range);
    const first = port(`${name}[${i}][0]`, bounds[0]);
    return [first, integer(`${name}[${i}][1]`, bounds[1], { min: first, max: 65_535 })];
  });
  return (wanted) => ranges.some(([first, last]) => wanted >= first && wanted <= last);
}

function port(name: string, value: unknown): number {
  return integer(name, value, { min: 1, max: 65_535 });
}

function both(value: number): readonly [number, number] {
  return [value, value];
}

function resolveNames(name: string, names: readonly string[]): (host: string) => boolean {
  const exact = new Set<string>();
  const suffixes: string[] = [];
  for (const [i, pattern] of list(name, names, 'host names').entries()) {
    const text = typeof pattern === 'string' ? pattern.toLowerCase() : '';
    if (text === '*') suffixes.push('');
    else if (text.startsWith('*.') && plausibleName(text.slice(2))) suffixes.push(text.slice(1));
    else if (plausibleName(text)) exact.add(text);
    else fail(`${name}[${i}]`, "a host name, '*.' and a host name, or '*'", pattern);
  }
  return (host) => {
    const lower = host.toLowerCase();
    return exact.has(lower) || suffixes.some((suffix) => lower.endsWith(suffix));
  };
}

function list(name: string, value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value) || value.length === 0) fail(name, `a list of at least one of ${what}`, value);
  return value;
}
