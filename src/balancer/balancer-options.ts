import { boolean, fail, finite, options as known, oneOf } from '../core/check.ts';
import { type HashOfCall, type HashOn, resolveHashOn } from './hash-on.ts';
import type { MakePicker } from './picker.ts';
import { leastLoaded } from './pickers/least-loaded.ts';
import { maglev } from './pickers/maglev.ts';
import { p2c } from './pickers/p2c.ts';
import { peakEwma } from './pickers/peak-ewma.ts';
import { randomPicker } from './pickers/random.ts';
import { recall } from './pickers/recall.ts';
import { ringHash } from './pickers/ring-hash.ts';
import { roundRobin } from './pickers/round-robin.ts';
import { weightedRoundRobin } from './pickers/weighted-round-robin.ts';

/**
 * How an instance is chosen where any will do: `recall`, by the time it takes, what it has to do, and its failures; `p2c`, the better of two drawn at random
 * by requests on their way; `peak-ewma`, the same by Finagle's measure; `least-loaded`, the one of all with the fewest requests on their way;
 * `round-robin`, one after the other; `weighted-round-robin`, the same by weight; `random`, any by weight.
 */
export type BalancerName = keyof typeof plain;

/** By the time that an instance takes, what it has to do, and its failures. */
export interface RecallOptions {
  readonly kind: 'recall';
  /**
   * Whether a busy server of the mesh may refuse an attempt unexecuted, at most twice for a call, so that it goes where there is less to do. Pays where many
   * clients each call rarely. @default false
   */
  readonly softNack?: boolean | undefined;
}

/** The same key to the same instance: an instance that leaves moves its own keys and no others. */
export interface RingHashOptions {
  readonly kind: 'ring-hash';
  readonly hashOn: HashOn;
  /** Most that an instance has on its way before its keys go to the next, times its part of all. 1.05 to 100; without it there is no limit. @default none */
  readonly boundedLoad?: number | undefined;
}

/** The same key to the same instance: more even than a ring for up to some 650 instances, with a few other keys that move too. */
export interface MaglevOptions {
  readonly kind: 'maglev';
  readonly hashOn: HashOn;
}

/** How an instance is chosen for each attempt: by name, or with options. */
export type BalancerOptions =
  | BalancerName
  | { readonly kind: Exclude<BalancerName, 'recall'> }
  | RecallOptions
  | RingHashOptions
  | MaglevOptions;

export interface ResolvedBalancer {
  readonly kind: string;
  /** Its options in words, for `explain`. */
  readonly details: Readonly<Record<string, string | number | false>>;
  readonly softNack: boolean;
  readonly makePicker: MakePicker;
  /** For one that spreads calls by a key. */
  readonly hashOf: HashOfCall | undefined;
}

const plain = {
  recall,
  p2c,
  'peak-ewma': peakEwma,
  'least-loaded': leastLoaded,
  'round-robin': roundRobin,
  'weighted-round-robin': weightedRoundRobin,
  random: randomPicker,
} as const satisfies Readonly<Record<string, MakePicker>>;

const names = Object.keys(plain) as BalancerName[]; // its own keys

export function resolveBalancer(name: string, given: BalancerOptions = 'recall'): ResolvedBalancer {
  if (typeof given !== 'object') {
    // The compiler knows that these take options; who comes without it is told.
    const kind: string = given;
    if (kind === 'ring-hash' || kind === 'maglev') fail(name, `{ kind: '${kind}', hashOn: … }`, kind);
    return byName(oneOf(name, kind, names));
  }
  known(name, given, ['kind', 'softNack', 'hashOn', 'boundedLoad']);
  const kind = oneOf(`${name}.kind`, given.kind, [...names, 'ring-hash', 'maglev']);
  if (given.kind === 'ring-hash') return ring(name, given);
  if (given.kind === 'maglev') {
    known(name, given, ['kind', 'hashOn']);
    const { hashOf, words } = resolveHashOn(`${name}.hashOn`, given.hashOn);
    return { kind, details: { hashOn: words }, softNack: false, makePicker: maglev, hashOf };
  }
  if (given.kind === 'recall') {
    known(name, given, ['kind', 'softNack']);
    return recalling(boolean(`${name}.softNack`, given.softNack ?? false));
  }
  known(name, given, ['kind']);
  return byName(given.kind);
}

function byName(kind: BalancerName): ResolvedBalancer {
  if (kind === 'recall') return recalling(false);
  return { kind, details: {}, softNack: false, makePicker: plain[kind], hashOf: undefined };
}

function recalling(softNack: boolean): ResolvedBalancer {
  const details = { softNack: softNack ? 'true' : (false as const) };
  return { kind: 'recall', details, softNack, makePicker: recall, hashOf: undefined };
}

function ring(name: string, { kind, hashOn, boundedLoad }: RingHashOptions): ResolvedBalancer {
  const { hashOf, words } = resolveHashOn(`${name}.hashOn`, hashOn);
  const bound =
    boundedLoad === undefined ? undefined : finite(`${name}.boundedLoad`, boundedLoad, { min: 1.05, max: 100 });
  return {
    kind,
    softNack: false,
    details: { hashOn: words, ...(bound !== undefined && { boundedLoad: bound }) },
    makePicker: (random, clock) => ringHash(random, clock, bound),
    hashOf,
  };
}
