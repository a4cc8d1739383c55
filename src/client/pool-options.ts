import type { LookupFunction } from 'node:net';
import type { buildConnector, Pool } from 'undici';
import type { Random } from '../core/random.ts';
import { CONNECT_TIMEOUT_MS } from './connect-timeout.ts';
import { KEPT_LESS_MS, LONGEST_IDLE_MS, type ResolvedConnections } from './connection-options.ts';
import { PING_MS } from './ending-silence.ts';

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
): Pool.Options {
  const useH2c = http === 2 && protocol === 'http';
  return {
    connections: max,
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: idleMs,
    keepAliveMaxTimeout: maxAgeMs === false ? LONGEST_IDLE_MS : Math.min(maxAgeMs, LONGEST_IDLE_MS),
    keepAliveTimeoutThreshold: KEPT_LESS_MS,
    clientTtl: maxAgeMs === false ? null : maxAgeMs,
    allowH2: http === 2,
    ...(http === 2 && { h2Options: { maxConcurrentStreams: streams, pingInterval: PING_MS } }),
    ...(useH2c && { useH2c }),
  };
}

/**
 * Makes each connection of a pool up to a fifth older than it is: those that were made together, by one burst or by many processes that were started
 * together, must not all be made anew together. undici has one age for a pool; when a connection was made it notes on its client, and nowhere says so.
 */
export function drawAges(pool: Pool, { maxAgeMs }: ResolvedConnections, random: Random): void {
  if (maxAgeMs === false) return;
  pool.on('connect', (_origin, targets) => {
    const made = targets.at(-1);
    const since: unknown = made === undefined ? undefined : Reflect.get(made, 'ttl');
    if (made === undefined || typeof since !== 'number') return;
    Object.assign(made, { ttl: since - (random() * maxAgeMs) / 5 });
  });
}

/**
 * Hands what waits in the queue of a pool to the connections that it has, or may make now, when one has ended. undici hands on when one is free again; of those that aged
 * while they were in use it forgets, and calls that came later go ahead of those that wait: for as long as there are more of them, if an age is no longer than a call. It does look when a connection
 * could not be made.
 */
export function handOn(pool: Pool): void {
  pool.on('disconnect', (origin, _targets, error) => {
    if (pool.stats.queued > 0) pool.emit('connectionError', origin, [pool], error);
  });
}
