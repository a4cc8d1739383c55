import type { LookupFunction } from 'node:net';
import type { buildConnector, Pool } from 'undici';
import { jittered, type Random } from '../core/random.ts';
import { CONNECT_TIMEOUT_MS } from './connect-timeout.ts';
import { KEPT_LESS_MS, LONGEST_IDLE_MS, type ResolvedConnections } from './connection-options.ts';

/** How undici makes the connections of a pool. HTTP/2 without TLS is an option that its types do not know. */
export function connectorOptions(
  { http }: ResolvedConnections,
  protocol: 'http' | 'https',
  lookup: LookupFunction,
): buildConnector.BuildOptions {
  const versions = { allowH2: http === 2, preferH2: http === 2, useH2c: http === 2 && protocol === 'http' };
  return { timeout: CONNECT_TIMEOUT_MS, lookup, ...versions };
}

/** What a pool of undici does with its connections. Time limits of calls are kept by the mesh, so it keeps none. */
export function poolOptions(
  { max, idleMs, maxAgeMs, http, streams }: ResolvedConnections,
  protocol: 'http' | 'https',
  random: Random,
): Pool.Options {
  const useH2c = http === 2 && protocol === 'http';
  return {
    connections: max,
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: idleMs,
    keepAliveMaxTimeout: maxAgeMs === false ? LONGEST_IDLE_MS : maxAgeMs,
    keepAliveTimeoutThreshold: KEPT_LESS_MS,
    // Those who were started together must not all connect anew together.
    clientTtl: maxAgeMs === false ? null : Math.ceil(jittered(random, maxAgeMs * 0.9, 1 / 9)),
    allowH2: http === 2,
    ...(http === 2 && { h2Options: { maxConcurrentStreams: streams } }),
    ...(useH2c && { useH2c }),
  };
}
