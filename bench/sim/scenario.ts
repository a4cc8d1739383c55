import { meanOf, type Work } from './work.ts';

/** What happens to servers while calls are made. Moments count from the start. */
export type Fault =
  /** At any moment this share of the servers runs at `speed`, each for `lengthMs`, and then others do. */
  | { readonly kind: 'spells'; readonly share: number; readonly speed: number; readonly lengthMs: number }
  /** Each server draws a new speed of these every now and then, `everyMs` on average. */
  | { readonly kind: 'levels'; readonly speeds: readonly number[]; readonly everyMs: number }
  /** Each server stands still every now and then, `everyMs` on average, for between `leastMs` and `mostMs`. */
  | { readonly kind: 'pauses'; readonly everyMs: number; readonly leastMs: number; readonly mostMs: number }
  /** The first server, between two moments: runs slower, */
  | { readonly kind: 'slow'; readonly speed: number; readonly fromMs: number; readonly toMs: number }
  /** takes as long for each request, */
  | { readonly kind: 'fixed'; readonly ms: number; readonly fromMs: number; readonly toMs: number }
  /** fails a share of its requests after a time (and so do others, where they are named), */
  | {
      readonly kind: 'fails';
      readonly ratio: number;
      readonly ms: number;
      readonly fromMs: number;
      readonly toMs: number;
      readonly servers?: readonly number[];
    }
  /** takes them and says nothing, */
  | { readonly kind: 'hangs'; readonly fromMs: number; readonly toMs: number }
  /** or stands still, and goes on afterwards with what it has. */
  | { readonly kind: 'stops'; readonly fromMs: number; readonly toMs: number };

/** Where clients and servers are. */
export interface Zones {
  /** Servers are in them in turn. */
  readonly count: number;
  /** The zones of the clients, in turn; as those of the servers when nothing is said. */
  readonly clients?: readonly number[];
  /** What the way to a server of another zone takes more, and as much back. */
  readonly betweenMs: number;
}

export interface Scenario {
  readonly name: string;
  /** What it is there for, in a few words. */
  readonly about: string;
  readonly clients: number;
  readonly servers: number;
  /** Of each server; `Infinity` for servers that only take time. */
  readonly workers: number;
  readonly discipline: 'fifo' | 'sharing';
  /** Whether a server notices no request while it works, as a process with one thread: none is counted, and none refused. */
  readonly busyLoop?: boolean;
  /** Of the servers in turn, the first one again after the last; all 1 when nothing is said. */
  readonly speeds?: readonly number[];
  readonly work: Work;
  /** Calls that all clients make together: a share of what the servers can do, or so many a second. They come by chance (Poisson). */
  readonly offered: { readonly load: number } | { readonly perSecond: number };
  readonly faults?: readonly Fault[];
  /** The way to a server, and as much back. */
  readonly oneWayMs: number;
  readonly zones?: Zones;
  /** When a caller gives up. The server works on. */
  readonly deadlineMs: number;
  /** Calls are made for so long, and those made before `warmUpMs` are not counted. */
  readonly durationMs: number;
  readonly warmUpMs: number;
}

/** Calls a second of all clients together. */
export function rateOf(scenario: Scenario): number {
  const { offered, servers, workers, work, faults = [] } = scenario;
  if ('perSecond' in offered) return offered.perSecond;
  let speed = 0;
  for (let i = 0; i < servers; i++) speed += speedOf(scenario, i);
  const left = faults.reduce((share, fault) => share * capacityLeft(fault), 1);
  return (offered.load * speed * left * workers * 1000) / meanOf(work);
}

export function speedOf({ speeds }: Scenario, server: number): number {
  return speeds?.[server % speeds.length] ?? 1;
}

/** The part of what the servers can do that a fault which concerns them all leaves, on average. */
function capacityLeft(fault: Fault): number {
  switch (fault.kind) {
    case 'spells':
      return 1 - fault.share * (1 - fault.speed);
    case 'levels':
      return fault.speeds.reduce((sum, speed) => sum + speed, 0) / fault.speeds.length;
    case 'pauses': {
      const lengthMs = (fault.leastMs + fault.mostMs) / 2;
      return fault.everyMs / (fault.everyMs + lengthMs);
    }
    default:
      return 1;
  }
}
