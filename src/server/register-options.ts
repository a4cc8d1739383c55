import type { Server } from 'node:net';
import { constants } from 'node:os';
import { durationMs, fail, finite, hasMethods, integer, oneOf, options as onlyKnown } from '../core/check.ts';
import { checkHost } from './announced-host.ts';

/** How a server stops. */
export interface DrainOptions {
  /**
   * How long it goes on accepting after it left the registry, answering with `Connection: close`, so that every caller has heard of it
   * before the port closes. 0 to 600,000 milliseconds.
   * @default 1500
   */
  readonly noticeMs?: number | undefined;
  /**
   * How long requests in flight may take after the port closed; then their connections are cut. 0 to 3,600,000 milliseconds.
   * @default 10000
   */
  readonly finishMs?: number | undefined;
}

/** What `register` announces, and how it ends. One of `server` and `port` is needed. */
export interface RegisterOptions {
  /** The server to announce once it listens, and to drain. Without it a drain only leaves the registry and waits. */
  readonly server?: Server | undefined;
  /**
   * The port to announce, 1 to 65535. When the server listens on another one this one is announced all the same: behind a mapped port
   * only the operator knows what callers must use.
   * @default the port of the server
   */
  readonly port?: number | undefined;
  /**
   * The address to announce; not a wildcard, which nobody can call. A host name only when the option `addresses` of the mesh allows it,
   * here and in those who call.
   * @default the address the server is bound to; for a wildcard the first address of this machine that `addresses` allows, IPv4 before
   * IPv6, else 127.0.0.1
   */
  readonly host?: string | undefined;
  /** @default 'https' for a server with TLS, else 'http' */
  readonly protocol?: 'http' | 'https' | undefined;
  /**
   * Share of the traffic relative to its peers: above 0 and at most 1,000.
   * @default 1
   */
  readonly weight?: number | undefined;
  /** Added to the attributes of the process; the same name here wins. */
  readonly attributes?: Readonly<Record<string, string>> | undefined;
  /**
   * Signals that start the drain; `false` for none, `true` for the default. A second signal ends the process as if there were no mesh.
   * @default ['SIGTERM']
   */
  readonly signals?: boolean | readonly NodeJS.Signals[] | undefined;
  readonly drain?: DrainOptions | undefined;
}

/** The options, checked and complete but for what only a listening server can tell. */
export interface ResolvedRegister {
  readonly server: Server | undefined;
  readonly port: number | undefined;
  readonly host: string | undefined;
  readonly protocol: 'http' | 'https';
  readonly weight: number;
  readonly attributes: Readonly<Record<string, string>>;
  readonly signals: readonly NodeJS.Signals[];
  readonly noticeMs: number;
  readonly finishMs: number;
}

const KNOWN = ['server', 'port', 'host', 'protocol', 'weight', 'attributes', 'signals', 'drain'] as const;
const DEFAULT_SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM'];
/** Node cannot listen for these two. */
const UNHEARD: readonly unknown[] = ['SIGKILL', 'SIGSTOP'];

export function resolveRegister(options: RegisterOptions): ResolvedRegister {
  onlyKnown('register', options, KNOWN);
  const { server, port, host, protocol, weight = 1, attributes = {}, signals = true, drain = {} } = options;
  if (server === undefined && port === undefined) fail('register.server', 'given, unless register.port is', server);
  if (server !== undefined && !isServer(server))
    fail('register.server', 'a server of node:http, node:https or node:net', server);
  onlyKnown('register.drain', drain, ['noticeMs', 'finishMs']);
  const { noticeMs = 1_500, finishMs = 10_000 } = drain;
  finite('register.weight', weight, { max: 1000 });
  if (weight <= 0) fail('register.weight', 'a number above 0', weight);
  return {
    server,
    port: port === undefined ? undefined : integer('register.port', port, { min: 1, max: 65_535 }),
    host: host === undefined ? undefined : checkHost('register.host', host),
    protocol: protocol === undefined ? protocolOf(server) : oneOf('register.protocol', protocol, ['http', 'https']),
    weight,
    attributes: checkAttributes(attributes),
    signals: checkSignals(signals),
    noticeMs: durationMs('register.drain.noticeMs', noticeMs, { min: 0, max: 600_000 }),
    finishMs: durationMs('register.drain.finishMs', finishMs, { min: 0, max: 3_600_000 }),
  };
}

function isServer(value: unknown): value is Server {
  return hasMethods(value, ['address', 'close', 'once']);
}

/** Only servers with TLS take a new certificate. Asked this way, a process without TLS does not load it. */
function protocolOf(server: Server | undefined): 'http' | 'https' {
  return server !== undefined && 'setSecureContext' in server ? 'https' : 'http';
}

function checkAttributes(value: unknown): Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    fail('register.attributes', 'an object', value);
  const entries = Object.entries(value).map(([name, text]): [string, string] => {
    if (typeof text !== 'string') fail(`register.attributes.${name}`, 'a string', text);
    return [name, text];
  });
  return Object.fromEntries(entries);
}

function checkSignals(value: unknown): readonly NodeJS.Signals[] {
  if (value === true) return DEFAULT_SIGNALS;
  if (value === false) return [];
  if (!Array.isArray(value)) fail('register.signals', 'true, false or an array of signals', value);
  const names: readonly unknown[] = value;
  return names.filter((name): name is NodeJS.Signals => {
    if (typeof name !== 'string' || !Object.hasOwn(constants.signals, name) || UNHEARD.includes(name))
      fail('register.signals', "an array of signals such as 'SIGTERM' that a process can listen for", name);
    return true;
  });
}
