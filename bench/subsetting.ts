import { inOrderOf } from '../src/balancer/subset.ts';
import { hashOf } from '../src/core/hash.ts';
import { seededRandom } from '../src/testing/entry.ts';

/**
 * How evenly subsets use servers, and how many members they change when either side does: `node bench/subsetting.ts`. The figures of ours are
 * kept within bounds by test/balancer/subset.test.ts.
 */

interface Sides {
  readonly clients: number;
  readonly servers: number;
  readonly size: number;
}

interface Figures {
  /** Clients of the server that has most, and of the one that has fewest, each over the mean. */
  readonly most: number;
  readonly fewest: number;
  /** Standard deviation of the clients of a server over the mean. */
  readonly deviation: number;
  /** Load of the busiest server over the mean, when each client sends the less to a member the more load that reports. */
  readonly heeded: number;
  /** Members that a client changes on average when one server or one client joins, and when a tenth of the servers is replaced. */
  readonly serverJoins: number;
  readonly clientJoins: number;
  readonly tenthReplaced: number;
}

/** Chooses the servers of one of all clients. */
type Way = (clients: readonly string[], at: number, servers: readonly string[], size: number) => readonly string[];

/** Ours: a client needs nothing but its own id. */
export const rendezvous: Way = (clients, at, servers, size) => inOrderOf(clients[at] ?? '', servers, (id) => id, size);

/** Neighbours on a ring, from a point of the client's own. */
const ownPoint: Way = (clients, at, servers, size) =>
  neighbours(servers, size, (hashOf(clients[at] ?? '') >>> 0) / 2 ** 32);

/** Neighbours on a ring, from points at equal distances: a client has to know its place among all clients, and how many there are (Finagle). */
const aperture: Way = (clients, at, servers, size) => neighbours(servers, size, at / clients.length);

function neighbours(servers: readonly string[], size: number, point: number): readonly string[] {
  const ring = ringOf(servers);
  const from = Math.floor(point * ring.length);
  return Array.from({ length: Math.min(size, ring.length) }, (_, i) => ring[(from + i) % ring.length] ?? '');
}

const rings = new WeakMap<readonly string[], readonly string[]>();
function ringOf(servers: readonly string[]): readonly string[] {
  const known = rings.get(servers);
  if (known !== undefined) return known;
  const ring = servers.toSorted((a, b) => (hashOf(a) >>> 0) - (hashOf(b) >>> 0));
  rings.set(servers, ring);
  return ring;
}

export function figuresOf(way: Way, { clients, servers, size }: Sides, seed: number): Figures {
  const random = seededRandom(seed);
  const callers = idsOf('teams', clients, random);
  const called = idsOf('players', servers, random);
  const replaced = Math.floor(servers / 10);
  const subsetsOf = (all: readonly string[], of: readonly string[]) =>
    callers.map((_, at) => new Set(way(all, at, of, size)));
  const subsets = subsetsOf(callers, called);
  const changed = (after: readonly ReadonlySet<string>[]) =>
    after.reduce((sum, members, at) => sum + [...members].filter((id) => !subsets[at]?.has(id)).length, 0) / clients;
  const count = new Map(called.map((id) => [id, 0]));
  for (const members of subsets) for (const id of members) count.set(id, (count.get(id) ?? 0) + 1);
  const degrees = [...count.values()];
  const mean = (clients * size) / servers;
  const variance = degrees.reduce((sum, one) => sum + (one - mean) ** 2, 0) / servers;
  return {
    most: Math.max(...degrees) / mean,
    fewest: Math.min(...degrees) / mean,
    deviation: Math.sqrt(variance) / mean,
    heeded: busiest(subsets, called),
    serverJoins: changed(subsetsOf(callers, [...called, ...idsOf('players', 1, random)])),
    clientJoins: changed(subsetsOf([...callers, ...idsOf('teams', 1, random)], called)),
    tenthReplaced: changed(subsetsOf(callers, [...called.slice(replaced), ...idsOf('players', replaced, random)])),
  };
}

/** Ids as this library makes them. */
function idsOf(service: string, count: number, random: () => number): readonly string[] {
  return Array.from({ length: count }, () => {
    const chance = Math.floor(random() * 36 ** 6).toString(36);
    return `${service}-host-${Math.floor(random() * 40_000)}-${chance}`;
  });
}

/** The busiest server's load over the mean, once each client has had two hundred reports of the load of its members and heeded them. */
function busiest(subsets: readonly ReadonlySet<string>[], servers: readonly string[]): number {
  const parts = subsets.map((members) => new Map([...members].map((id) => [id, 1 / members.size])));
  let load = new Map<string, number>();
  for (let reports = 0; reports < 200; reports++) {
    load = new Map(servers.map((id) => [id, 0]));
    for (const sent of parts) for (const [id, part] of sent) load.set(id, (load.get(id) ?? 0) + part);
    for (const sent of parts) {
      for (const [id, part] of sent) sent.set(id, part / Math.sqrt(load.get(id) ?? 1));
      const all = [...sent.values()].reduce((sum, part) => sum + part, 0);
      for (const [id, part] of sent) sent.set(id, part / all);
    }
  }
  return Math.max(...load.values()) / (subsets.length / servers.length);
}

const sides: readonly Sides[] = [
  { clients: 10, servers: 300, size: 20 },
  { clients: 30, servers: 300, size: 20 },
  { clients: 100, servers: 300, size: 20 },
  { clients: 1_000, servers: 300, size: 20 },
  { clients: 100, servers: 1_000, size: 100 },
  { clients: 1_000, servers: 1_000, size: 100 },
];
const columns = ['most', 'fewest', 'deviation', 'heeded', 'serverJoins', 'clientJoins', 'tenthReplaced'] as const;

if (import.meta.main) {
  console.log(`| way | clients | servers | size | ${columns.join(' | ')} |`);
  console.log(`|${'---|'.repeat(columns.length + 4)}`);
  for (const one of sides) {
    for (const way of [rendezvous, ownPoint, aperture]) {
      const figures = figuresOf(way, one, 1);
      const cells = columns.map((name) => figures[name].toFixed(2));
      console.log(`| ${[way.name, one.clients, one.servers, one.size, ...cells].join(' | ')} |`);
    }
  }
}
