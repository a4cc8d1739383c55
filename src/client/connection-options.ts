import { durationMs, fail, integer, options as known } from '../core/check.ts';

/** The connections to each endpoint of a service. Each is checked when the mesh is made. */
export interface ConnectionOptions {
  /** Most connections to one endpoint. A call beyond waits until one is free, within the limit of its attempt. 1 to 65,535. @default 1_024 */
  readonly max?: number | undefined;
  /**
   * How long a connection is kept that nobody uses, to a server that does not say how long it keeps one: less than servers do, since what is sent
   * over a connection that is just being closed is lost. What a server says in `keep-alive: timeout=` counts instead, less 2 s. Up to a second
   * late. Milliseconds, 1 to 600,000. @default 4_000
   */
  readonly idleMs?: number | undefined;
  /**
   * Age from which a connection takes no more calls, and is closed once those that it has are done: so that connections move to what was
   * deployed behind an address. Each connection takes up to a fifth less, drawn at random. Milliseconds, 1 to 86,400,000. @default 600_000
   */
  readonly maxAgeMs?: number | false | undefined;
  /**
   * Version of HTTP. With 2 a server over TLS may still choose 1.1; one without TLS has to speak 2 from the first byte (h2c). Clients built on
   * `node:http`, got among them, have only 1: their calls fail with a `ConfigError` when it is 2. @default 1
   */
  readonly http?: 1 | 2 | undefined;
  /** Of HTTP/2: most calls at the same time over one connection, fewer when the server says so. 1 to 1,000. @default 100 */
  readonly streams?: number | undefined;
  /**
   * Endpoints to which a first connection is made before there is a call for them: as soon as the service is called, and whenever some join it;
   * no more than this many each time, drawn at random among those that calls go to. Calls of got with options of their own for connections, such as for
   * TLS, or with an agent, cause and use none. 1 to 1,000. @default false
   */
  readonly warm?: number | false | undefined;
}

export interface ResolvedConnections {
  readonly max: number;
  readonly idleMs: number;
  readonly maxAgeMs: number | false;
  readonly http: 1 | 2;
  readonly streams: number;
  readonly warm: number | false;
}

/** What a server says of how long it keeps a connection is believed less this: its answer took time to come, and the next call will. */
export const KEPT_LESS_MS = 2_000;

/** However long a server keeps a connection. */
export const LONGEST_IDLE_MS = 600_000;

export function resolveConnections(name: string, options: ConnectionOptions = {}): ResolvedConnections {
  known(name, options, ['max', 'idleMs', 'maxAgeMs', 'http', 'streams', 'warm']);
  const { max = 1_024, idleMs = 4_000, maxAgeMs = 600_000, http = 1, streams = 100, warm = false } = options;
  if (http !== 1 && http !== 2) fail(`${name}.http`, '1 or 2', http);
  return {
    max: integer(`${name}.max`, max, { min: 1, max: 65_535 }),
    idleMs: durationMs(`${name}.idleMs`, idleMs, { min: 1, max: LONGEST_IDLE_MS }),
    maxAgeMs: maxAgeMs === false ? false : durationMs(`${name}.maxAgeMs`, maxAgeMs, { min: 1, max: 86_400_000 }),
    http,
    streams: integer(`${name}.streams`, streams, { min: 1, max: 1_000 }),
    warm: warm === false ? false : integer(`${name}.warm`, warm, { min: 1, max: 1_000 }),
  };
}
