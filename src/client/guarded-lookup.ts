import { type LookupAddress, lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import type { AddressRule } from '../discovery/address.ts';

/**
 * Looks host names up as `resolve` does, and keeps only the addresses that they may lead to. A name that leads nowhere else fails like one
 * that is not known: no connection is made. Node asks this only for names, and connects to what it answers, so nothing can change between.
 */
export function guardedLookup(addresses: AddressRule, resolve: LookupFunction = lookup): LookupFunction {
  return (name, options, done) => {
    resolve(name, { ...options, all: true }, (error, found) => {
      if (error) {
        done(error, [], 0);
        return;
      }
      const all: readonly LookupAddress[] = Array.isArray(found) ? found : [{ address: found, family: isIP(found) }];
      const allowed = all.filter(({ address }) => addresses.leadsTo(name, address));
      const [first] = allowed;
      if (first === undefined) done(notAllowed(name, all), [], 0);
      else if (options.all) done(null, allowed);
      else done(null, first.address, first.family);
    });
  };
}

function notAllowed(name: string, found: readonly LookupAddress[]): NodeJS.ErrnoException {
  const where = found.map(({ address }) => address).join(', ') || 'no address';
  const error = new Error(`'${name}' leads to ${where}, where nobody may be called`);
  return Object.assign(error, { code: 'ERR_ADDRESS_REFUSED', syscall: 'getaddrinfo' });
}
