import { availableParallelism, loadavg } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { ServiceOptions } from '../../src/index.ts';
import { quantile, table } from '../figures.ts';
import type { Phase, Told } from './load-process.ts';
import { load, Server } from './processes.ts';
import type { ServerOrder } from './server-process.ts';

const { values, positionals } = parseArgs({
  options: {
    /** A tenth of the time: shows that everything runs, not how good it is. */
    quick: { type: 'boolean', default: false },
  },
  /** `waits`, `computes`, `outage`: what is measured; all of it when none is named. */
  allowPositionals: true,
});
const GROUPS = ['waits', 'computes', 'outage'];
const unknown = positionals.find((word) => !GROUPS.includes(word));
if (unknown !== undefined) throw new Error(`there is no '${unknown}'; there are ${GROUPS.join(', ')}`);
const wanted = (group: string) => positionals.length === 0 || positionals.includes(group);

const TIMES = [1.1, 2, 3, 10];
const DEADLINE_MS = 2_000;
const scaled = (ms: number) => (values.quick ? ms / 10 : ms);

interface Way {
  readonly name: string;
  readonly limited: boolean;
  readonly settings: ServiceOptions;
}

// Nothing of the caller's helps: neither its breaker nor its health of endpoints keeps calls back.
const bare: ServiceOptions = { deadlineMs: DEADLINE_MS, retry: false, breaker: false, health: false };
const WAYS: readonly Way[] = [
  { name: 'no limit', limited: false, settings: bare },
  { name: 'limit', limited: true, settings: bare },
  {
    name: 'limit, and the defaults and a throttle of the caller',
    limited: true,
    settings: { deadlineMs: DEADLINE_MS, throttle: {} },
  },
];

const isGood = ({ outcome }: Told) => outcome === 'good';
const percent = (part: number, whole: number) => ((100 * part) / whole).toFixed(1);
const perSecond = (told: readonly Told[], { forMs }: Phase) => told.filter(isGood).length / (forMs / 1_000);

/** Seconds after the begin of a phase at which the last call was made that failed. */
function lastFailure(told: readonly Told[], forMs: number): string {
  const failures = told.filter((one) => !isGood(one));
  const last = Math.max(0, ...failures.map(({ atMs }) => atMs));
  return last > 0.9 * forMs ? `over ${(forMs / 1_000).toFixed(0)}` : (last / 1_000).toFixed(1);
}

async function overload(title: string, order: ServerOrder): Promise<void> {
  const capacity = (1_000 * order.workers) / order.workMs;
  console.log(`# ${title}\n`);
  const rows: string[][] = [];
  for (const times of TIMES) {
    for (const { name, limited, settings } of WAYS) {
      const server = await Server.start({ ...order, limited });
      const phases: Phase[] = [
        { perSecond: 0.5 * capacity, forMs: scaled(3_000) },
        { perSecond: times * capacity, forMs: scaled(3_000) },
        { perSecond: times * capacity, forMs: scaled(10_000) },
        { perSecond: 0.7 * capacity, forMs: scaled(10_000) },
      ];
      const told = await load([server], settings, phases, 2);
      const workMs = await server.workMs();
      server.kill();
      const [counted, after] = [phases[2], phases[3]];
      if (counted === undefined || after === undefined) continue;
      const [during, afterwards] = [told[2] ?? [], told[3] ?? []];
      const good = during.filter(isGood).map(({ tookMs }) => tookMs);
      rows.push([
        `${times} ×, ${name}`,
        percent(perSecond(during, counted), (1_000 * order.workers) / workMs),
        workMs.toFixed(0),
        good.length === 0 ? '–' : quantile(good, 0.99).toFixed(0),
        percent(during.filter(({ outcome }) => outcome === 'refused').length, during.length),
        percent(during.filter(({ outcome }) => outcome === 'late').length, during.length),
        lastFailure(afterwards, after.forMs),
        quantile(
          during.map(({ madeLateMs }) => madeLateMs),
          0.99,
        ).toFixed(0),
      ]);
    }
  }
  const heading = [
    'offered',
    'goodput, % of capacity',
    'work took, ms',
    'p99, ms',
    'refused, %',
    'late, %',
    'normal after, s',
    'made late, ms',
  ];
  console.log(`${table(heading, rows)}\n\nload of the machine: ${loadavg()[0]?.toFixed(1)}\n`);
}

/** All servers are away for ten seconds, while calls go on with all defaults: what succeeds, second by second from their return. */
async function outage(kind: 'killed' | 'stopped', order: ServerOrder): Promise<string[]> {
  const servers = await Promise.all(Array.from({ length: 4 }, () => Server.start(order)));
  const perSecondOffered = (0.8 * servers.length * 1_000 * order.workers) / order.workMs;
  const [beforeMs, awayMs, afterMs] = [scaled(5_000), scaled(10_000), scaled(20_000)];
  const phases = [{ perSecond: perSecondOffered, forMs: beforeMs + awayMs + afterMs }];
  let returnedAt = Number.NaN;
  const [told = []] = await load(servers, { deadlineMs: DEADLINE_MS }, phases, 4, async (begunAt) => {
    await delay(beforeMs);
    for (const server of servers) kind === 'killed' ? server.kill() : server.freeze();
    await delay(awayMs);
    if (kind === 'killed') await Promise.all(servers.map((server) => server.restart()));
    else for (const server of servers) server.thaw();
    returnedAt = performance.now() - begunAt;
  });
  for (const server of servers) server.kill();
  const share = (fromMs: number, toMs: number) => {
    const calls = told.filter(({ atMs }) => atMs >= fromMs && atMs < toMs);
    return percent(calls.filter(isGood).length, calls.length);
  };
  const bySecond = Array.from({ length: 6 }, (_, i) =>
    share(returnedAt + i * scaled(1_000), returnedAt + (i + 1) * scaled(1_000)),
  );
  return [
    `all ${kind}`,
    share(beforeMs, returnedAt),
    ...bySecond,
    share(returnedAt + scaled(5_000), Number.POSITIVE_INFINITY),
  ];
}

const WAITS: ServerOrder = { port: 0, workers: 8, workMs: 200, computes: false, limited: false };
const COMPUTES: ServerOrder = { port: 0, workers: 1, workMs: 25, computes: true, limited: false };

console.log(
  `Node ${process.version}, ${availableParallelism()} cores, load of the machine ${loadavg()[0]?.toFixed(1)}\n`,
);
if (wanted('waits')) await overload('8 workers that take 200 ms: 40 requests a second', WAITS);
if (wanted('computes')) await overload('1 worker that computes for 25 ms: 40 requests a second', COMPUTES);
if (wanted('outage')) {
  const servers: ServerOrder = { ...WAITS, workers: 4, limited: true };
  const rows = [await outage('killed', servers), await outage('stopped', servers)];
  const seconds = ['1st second after it', ...Array.from({ length: 5 }, (_, i) => `${i + 2}.`)];
  const heading = ['4 servers, 0.8 of their capacity; success, %', 'while they are away', ...seconds, 'from 5 s on'];
  console.log(`# All servers away for 10 s, calls with all defaults\n\n${table(heading, rows)}\n`);
  console.log(`load of the machine: ${loadavg()[0]?.toFixed(1)}`);
}
process.exit();
