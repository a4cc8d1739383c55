import type { Scenario } from './scenario.ts';

/** What all have unless they say otherwise: a round trip of 0.6 ms within a data centre, and callers who give up after 2 s. */
const USUAL = {
  discipline: 'fifo',
  work: { kind: 'exponential', meanMs: 10 },
  oneWayMs: 0.3,
  deadlineMs: 2_000,
  warmUpMs: 5_000,
} as const;

const NODE = {
  ...USUAL,
  clients: 20,
  servers: 20,
  workers: 1,
  work: { kind: 'lognormal', meanMs: 5, sigma: 1 },
  durationMs: 60_000,
} as const;

/** Unequal machines under one service: a quarter of them is slow at any moment, and nobody says which. */
const SPELLS = {
  ...USUAL,
  servers: 50,
  workers: 4,
  offered: { load: 0.75 },
  faults: [{ kind: 'spells', share: 0.25, speed: 0.4, lengthMs: 5_000 }],
  durationMs: 25_000,
} as const;

/** Where how long a call takes is what is compared: the mean over the scenarios is taken of these. */
export const LATENCY: readonly Scenario[] = [
  {
    ...USUAL,
    name: 'uniform',
    about: 'ten equal servers of eight workers at 80 %',
    clients: 20,
    servers: 10,
    workers: 8,
    offered: { load: 0.8 },
    durationMs: 30_000,
  },
  {
    ...NODE,
    name: 'nodecpu',
    about: 'Node servers, busy with one thing at a time; some take long',
    offered: { load: 0.7 },
  },
  {
    ...NODE,
    name: 'nodeloop',
    about: 'the same, and while they work they do not even refuse',
    busyLoop: true,
    offered: { load: 0.7 },
  },
  {
    ...NODE,
    name: 'blocked',
    about: 'the same at 60 %, and now and then one blocks its event loop for 50 to 250 ms',
    busyLoop: true,
    offered: { load: 0.6 },
    faults: [{ kind: 'pauses', everyMs: 5_000, leastMs: 50, mostMs: 250 }],
  },
  {
    ...USUAL,
    name: 'bimodal',
    about: 'one call of ten takes twelve times as long; workers are shared',
    clients: 20,
    servers: 10,
    workers: 4,
    discipline: 'sharing',
    work: { kind: 'bimodal', shortMs: 5, longMs: 60, longRatio: 0.1 },
    offered: { load: 0.75 },
    durationMs: 60_000,
  },
  {
    ...USUAL,
    name: 'heavytail',
    about: 'work between 2 ms and 1 s with a heavy tail; workers are shared',
    clients: 20,
    servers: 10,
    workers: 8,
    discipline: 'sharing',
    work: { kind: 'pareto', leastMs: 2, mostMs: 1_000, alpha: 1.5 },
    offered: { load: 0.7 },
    durationMs: 30_000,
  },
  {
    ...USUAL,
    name: 'hetero',
    about: 'machines of three generations: twice as fast, and half',
    clients: 10,
    servers: 12,
    workers: 4,
    speeds: [2, 1, 0.5],
    offered: { load: 0.75 },
    durationMs: 40_000,
  },
  {
    ...USUAL,
    name: 'small3',
    about: 'three servers, one of them four times slower',
    clients: 5,
    servers: 3,
    workers: 8,
    speeds: [1, 1, 0.25],
    offered: { load: 0.7 },
    durationMs: 90_000,
  },
  {
    ...USUAL,
    name: 'slowone',
    about: 'one of ten runs ten times slower for half a minute',
    clients: 20,
    servers: 10,
    workers: 8,
    offered: { load: 0.6 },
    faults: [{ kind: 'slow', speed: 0.1, fromMs: 10_000, toMs: 40_000 }],
    durationMs: 50_000,
  },
  {
    ...USUAL,
    name: 'antagonist',
    about: "Prequal's test bed: 100 clients, 100 servers at 90 %, whose machines others use as well",
    clients: 100,
    servers: 100,
    workers: 4,
    discipline: 'sharing',
    work: { kind: 'normal', meanMs: 20, deviationMs: 20, leastMs: 0.1 },
    offered: { load: 0.9 },
    faults: [{ kind: 'levels', speeds: [0.6, 0.8, 1, 1, 1.2, 1.4], everyMs: 5_000 }],
    deadlineMs: 5_000,
    durationMs: 25_000,
  },
  {
    ...USUAL,
    name: 'gcpause',
    about: 'each server stands still for 50 to 200 ms every five seconds',
    clients: 20,
    servers: 20,
    workers: 4,
    offered: { load: 0.7 },
    faults: [{ kind: 'pauses', everyMs: 5_000, leastMs: 50, mostMs: 200 }],
    durationMs: 40_000,
  },
  {
    ...USUAL,
    name: 'manyclients',
    about: '1,000 clients of 15 calls a second',
    clients: 1_000,
    servers: 50,
    workers: 4,
    offered: { perSecond: 15_000 },
    durationMs: 25_000,
  },
  {
    ...SPELLS,
    name: 'manyhetero',
    about: '1,000 clients of 13 calls a second; a quarter of the servers is slow, each for 5 s',
    clients: 1_000,
    offered: { perSecond: 13_000 },
  },
  {
    ...USUAL,
    name: 'quiet',
    about: 'little to do: 30 %',
    clients: 20,
    servers: 10,
    workers: 4,
    offered: { load: 0.3 },
    durationMs: 60_000,
  },
];

/** The same load in the hands of more and more clients, each of which sees less of it. */
export const LADDER: readonly Scenario[] = [1, 10, 50, 200, 1_000, 5_000].map((clients) => ({
  ...SPELLS,
  name: `clients-${clients}`,
  about: `12,750 calls a second of ${clients} clients; a quarter of the servers is slow, each for 5 s`,
  clients,
}));

const SICK = {
  ...USUAL,
  clients: 20,
  servers: 10,
  workers: 8,
  offered: { load: 0.6 },
  durationMs: 50_000,
  warmUpMs: 0,
} as const;

/** Where it is compared how many calls succeed. One of ten servers is sick for four fifths of the time. */
export const SUCCESS: readonly Scenario[] = [
  {
    ...SICK,
    name: 'black-hole',
    about: 'one of ten fails all in 1 ms',
    faults: [{ kind: 'fails', ratio: 1, ms: 1, fromMs: 5_000, toMs: 45_000 }],
  },
  {
    ...SICK,
    name: 'flaky',
    about: 'one of ten fails 40 % in 1 ms',
    faults: [{ kind: 'fails', ratio: 0.4, ms: 1, fromMs: 5_000, toMs: 45_000 }],
  },
  {
    ...SICK,
    name: 'hang',
    about: 'one of ten takes requests and never answers',
    faults: [{ kind: 'hangs', fromMs: 5_000, toMs: 45_000 }],
  },
];

const PUBLISHED = {
  clients: 1,
  servers: 11,
  workers: Number.POSITIVE_INFINITY,
  discipline: 'fifo',
  work: { kind: 'normal', meanMs: 167, deviationMs: 5, leastMs: 1 },
  offered: { perSecond: 1_000 },
  oneWayMs: 0.3,
  deadlineMs: 1_000,
  durationMs: 60_000,
  warmUpMs: 0,
} as const;

/** Buoyant's experiment of 2016, in which a call succeeds within 1 s. Published: round robin 95 %, least loaded 99 %, Peak EWMA 99.9 %. */
export const EXPERIMENT: readonly Scenario[] = [
  {
    ...PUBLISHED,
    name: 'published',
    about: '1,000 calls a second of one client; one of eleven servers takes 2 s from 15 s to 45 s of 60 s',
    faults: [{ kind: 'fixed', ms: 2_000, fromMs: 15_000, toMs: 45_000 }],
  },
  {
    ...PUBLISHED,
    name: 'published-x10',
    about: 'the same, and what takes long takes ten times as long as it would: 1.67 s',
    faults: [{ kind: 'slow', speed: 0.1, fromMs: 15_000, toMs: 45_000 }],
  },
];

/** Servers that only take time, so that ten processes on one machine can do the same (`bench/real`): no queues, and what differs is health. */
const LOOPBACK = {
  ...USUAL,
  clients: 1,
  servers: 10,
  workers: Number.POSITIVE_INFINITY,
  offered: { perSecond: 300 },
  deadlineMs: 1_000,
  durationMs: 21_000,
  warmUpMs: 0,
} as const;

/** What is done to real processes too. */
export const REAL: readonly Scenario[] = [
  {
    ...LOOPBACK,
    name: 'real-slow',
    about: '300 calls a second of one client; one of ten is ten times slower from 7 s to 14 s of 21 s',
    faults: [{ kind: 'slow', speed: 0.1, fromMs: 7_000, toMs: 14_000 }],
  },
  {
    ...LOOPBACK,
    name: 'real-failing',
    about: 'the same, and one of ten fails all in 1 ms',
    faults: [{ kind: 'fails', ratio: 1, ms: 1, fromMs: 0, toMs: 21_000 }],
  },
  {
    ...LOOPBACK,
    name: 'real-stopped',
    about: 'the same, and one of ten stands still from 8 s to 13 s (SIGSTOP)',
    faults: [{ kind: 'stops', fromMs: 8_000, toMs: 13_000 }],
  },
  {
    ...LOOPBACK,
    name: 'real-many',
    about: '100 clients, ten servers with four workers each at 80 %, all sound',
    clients: 100,
    workers: 4,
    work: { kind: 'exponential', meanMs: 100 },
    offered: { load: 0.8 },
    deadlineMs: 2_000,
  },
];

const ZONED = {
  ...USUAL,
  clients: 60,
  servers: 18,
  workers: 4,
  offered: { load: 0.5 },
  zones: { count: 3, betweenMs: 0.7 },
  durationMs: 35_000,
} as const;

/** What calls that stay in their zone gain and cost. Zones are as large as each other. */
export const ZONES: readonly Scenario[] = [
  {
    ...ZONED,
    name: 'zones',
    about:
      'three zones of 20 clients and 6 servers at 50 %; the way to another zone takes 0.7 ms more, and so does that back',
  },
  {
    ...ZONED,
    name: 'zone-halved',
    about: 'the same, and three of the six servers of one zone fail all in 1 ms',
    faults: [{ kind: 'fails', ratio: 1, ms: 1, fromMs: 0, toMs: 35_000, servers: [0, 3, 6] }],
  },
  {
    ...ZONED,
    name: 'zone-crowded',
    about: 'the same without these, and half of the clients are in one zone, a third in another, the rest in the third',
    zones: { ...ZONED.zones, clients: [0, 1, 0, 2, 0, 1] },
  },
];
