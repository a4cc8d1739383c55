import { pino } from 'pino';
import { fail, hasMethods } from '../core/check.ts';
import type { Clock } from '../core/clock.ts';
import type { Events, MeshEventName, MeshEvents } from '../core/events.ts';
import { type Logger, silentLogger } from '../core/logger.ts';
import { TokenBucket } from '../core/token-bucket.ts';

type Level = keyof Logger;

/** How one event is logged. Messages are fixed words; what came from outside stands in fields, where JSON escapes it. */
interface Line {
  readonly level: Level;
  readonly message: string;
  /** Lines of one key share a limit. Holds the state as well, so that a quick return to normal is not held back. */
  readonly key: string;
  readonly fields: Readonly<Record<string, string | number>>;
}

const METHODS = ['debug', 'info', 'warn', 'error'] as const;
const LINES_PER_SECOND = 1;
/** Keys come from outside (endpoints, sources), so their number has to end somewhere. */
const MAX_KEYS = 1_000;
const MAX_KEY_CHARS = 200;
const MAX_TEXT_CHARS = 1_000;

const lines: { readonly [Name in MeshEventName]: (event: MeshEvents[Name]) => Line } = {
  breaker: ({ service, state, cause, reason, trips }) => ({
    // One that opens again goes on with an outage that was told.
    level: state === 'open' && trips === 1 ? 'warn' : 'info',
    message: `breaker ${state}`,
    key: `${service} ${state} ${cause}`,
    fields: { service, cause, reason, trips },
  }),
  endpoint: ({ service, endpoint, health, reason }) => ({
    level: health === 'down' ? 'warn' : health === 'up' ? 'info' : 'debug',
    message: `endpoint ${health}`,
    key: `${service} ${endpoint} ${health}`,
    fields: { service, endpoint, reason },
  }),
  spill: ({ service, state, reason }) => ({
    level: state === 'begun' ? 'warn' : 'info',
    message: `spill ${state}`,
    key: `${service} ${state}`,
    fields: { service, reason },
  }),
  unread: ({ service, endpoint, client, from }) => ({
    level: 'warn',
    message: 'body not read',
    key: `${service} ${client} ${from === undefined}`,
    fields: { service, endpoint, client, from: from ?? '' },
  }),
  view: ({ service, known, joined, left }) => ({
    level: 'info',
    message: 'instances changed',
    key: service,
    fields: { service, known, joined: joined.length, left: left.length },
  }),
  doubt: ({ service, known, suspects }) => ({
    level: 'warn',
    message: 'instances in doubt',
    key: service,
    fields: { service, known, suspects },
  }),
  registry: ({ registry, state, reason, permanent }) => ({
    level: permanent ? 'error' : state === 'connected' ? 'info' : 'warn',
    message: `registry ${state}`,
    key: `${registry} ${state} ${permanent}`,
    fields: { registry, reason },
  }),
  rejected: ({ source, id, reason }) => ({
    level: 'warn',
    message: 'record rejected',
    key: source,
    fields: { source, id, reason },
  }),
  cache: ({ folder, service, state, reason }) => ({
    level: state === 'working' ? 'info' : 'warn',
    message: `last views ${state}`,
    key: `${folder} ${state}`,
    fields: { folder, service, reason },
  }),
  announcement: ({ service, id, state, reason }) => ({
    level: state === 'fenced' ? 'error' : state === 'retrying' ? 'warn' : 'info',
    message: `announcement ${state}`,
    key: `${id} ${state}`,
    fields: { service, id, reason },
  }),
  fault: ({ source, error }) => ({
    level: 'error',
    message: 'fault in code given to the mesh',
    key: source,
    fields: { source, error: textOf(error) },
  }),
};

/**
 * Logs what happens in a mesh: changes of state and failures, never one line per call. The function returned stops it.
 *
 * One event about one thing is logged at most once a second; the next line says in `suppressed` how many were left out. Credentials and
 * query strings in URLs are taken out of every text, and of an error only its stack is logged, never its fields.
 */
export function logEvents(events: Events, logger: Logger, clock: Clock): () => void {
  const limit = limiter();
  const follow = <Name extends MeshEventName>(name: Name) =>
    events.on(name, (event) => {
      const { level, message, key, fields } = lines[name](event);
      const suppressed = limit(`${name} ${key}`.slice(0, MAX_KEY_CHARS), clock.now());
      if (suppressed === undefined) return;
      logger[level](cleaned({ event: name, ...fields, ...(suppressed > 0 && { suppressed }) }), message);
    });
  const stops = [
    follow('breaker'),
    follow('endpoint'),
    follow('spill'),
    follow('unread'),
    follow('view'),
    follow('doubt'),
    follow('registry'),
    follow('rejected'),
    follow('cache'),
    follow('announcement'),
    follow('fault'),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

/**
 * The logger that an option asks for: pino at level `info` when nothing is said, none for `false`, else the object itself, which needs
 * the four methods of `Logger`. Its methods keep their `this`, and what they throw is dropped: a log line is not worth a call.
 */
export function resolveLogger(name: string, option: unknown): Logger {
  if (option === false) return silentLogger;
  if (option === undefined) return pino({ name: 'heddle', level: 'info' });
  if (!isLogger(option)) fail(name, `false or an object with the methods ${METHODS.join(', ')}`, option);
  const guarded =
    (level: Level) =>
    (fields: object, message: string): void => {
      try {
        option[level](fields, message);
      } catch {
        // Nowhere is left to say so.
      }
    };
  return { debug: guarded('debug'), info: guarded('info'), warn: guarded('warn'), error: guarded('error') };
}

function isLogger(value: unknown): value is Logger {
  return hasMethods(value, METHODS);
}

/** Says how many lines of a key were held back before this one, or `undefined` when this one is held back too. */
function limiter(): (key: string, now: number) => number | undefined {
  interface Entry {
    readonly bucket: TokenBucket;
    suppressed: number;
    usedAt: number;
  }
  /** The key used longest ago comes first. */
  const entries = new Map<string, Entry>();

  const entryOf = (wanted: string, now: number): Entry => {
    let key = wanted;
    let entry = entries.get(key);
    if (entry === undefined && entries.size >= MAX_KEYS) {
      const [oldest] = entries;
      // Forgotten only when its bucket is full again; while all are in use, newcomers share one.
      if (oldest !== undefined && now - oldest[1].usedAt >= 1000 / LINES_PER_SECOND) entries.delete(oldest[0]);
      else {
        key = 'other';
        entry = entries.get(key);
      }
    }
    entry ??= { bucket: new TokenBucket(LINES_PER_SECOND, 1, now), suppressed: 0, usedAt: now };
    entry.usedAt = now;
    entries.delete(key);
    entries.set(key, entry);
    return entry;
  };

  return (key, now) => {
    const entry = entryOf(key, now);
    if (!entry.bucket.take(now)) {
      entry.suppressed++;
      return undefined;
    }
    const { suppressed } = entry;
    entry.suppressed = 0;
    return suppressed;
  };
}

function cleaned(fields: Line['fields']): object {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, typeof value === 'string' ? clean(value) : value]),
  );
}

/** A text without the credentials and queries of the URLs in it, and not longer than a line should be. */
function clean(text: string): string {
  // Cut first, since the patterns below are quadratic; a URL that the cut went through might end in half a password.
  const short = text.length > MAX_TEXT_CHARS ? `${text.slice(0, MAX_TEXT_CHARS).replace(/\/\/\S*$/, '//')}…` : text;
  return short.replace(/\/\/\S*@/g, '//…@').replace(/(:\/\/[^\s?]*)\?\S*/g, '$1?…');
}

/** The stack of an error; of anything else only what it is, since an object may hold secrets and a `toString` may throw. */
function textOf(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.stack ?? thrown.message;
  return typeof thrown === 'string' ? thrown : `a thrown ${typeof thrown}`;
}
