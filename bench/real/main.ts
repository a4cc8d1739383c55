import { availableParallelism, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import type { BalancerOptions } from '../../src/index.ts';
import { table } from '../figures.ts';
import { callsOf } from '../sim/calls.ts';
import { policyOf } from '../sim/policy.ts';
import type { Fault, Scenario } from '../sim/scenario.ts';
import { REAL } from '../sim/scenarios.ts';
import { simulate } from '../sim/simulate.ts';
import type { Summary } from '../sim/tally.ts';
import { Worker } from '../worker.ts';
import type { Called, ClientOrder } from './client-process.ts';
import type { ServerOrder, ServerPorts } from './server-process.ts';

const { values, positionals } = parseArgs({
  options: {
    /** Of the calls. */
    seed: { type: 'string', default: '1' },
    /** A fortieth of the time: shows that everything runs, not how good it is. */
    quick: { type: 'boolean', default: false },
  },
  /** Names of scenarios; all of them when there is none. */
  allowPositionals: true,
});
const seed = Number(values.seed);
const unknown = positionals.find((word) => !REAL.some(({ name }) => name === word));
if (unknown !== undefined)
  throw new Error(`there is no scenario '${unknown}'; there are ${REAL.map(({ name }) => name).join(', ')}`);
if (!Number.isSafeInteger(seed)) throw new Error(`--seed is a whole number, not '${values.seed}'`);

/** By the name of the policy in the simulator. Only servers of the mesh tell their load. */
const CLIENTS: readonly { policy: string; balancer: BalancerOptions; ports: keyof ServerPorts }[] = [
  { policy: 'recall+reports', balancer: 'recall', ports: 'meshed' },
  { policy: 'recall+nack', balancer: { kind: 'recall', softNack: true }, ports: 'meshed' },
  { policy: 'recall', balancer: 'recall', ports: 'plain' },
  { policy: 'p2c', balancer: 'p2c', ports: 'meshed' },
  { policy: 'peak-ewma', balancer: 'peak-ewma', ports: 'meshed' },
  { policy: 'round-robin', balancer: 'round-robin', ports: 'meshed' },
];
const SOUND: ServerOrder = { speed: 1, failing: false };
/** How long a client and the servers get used to calls before those that count. */
const WARM_UP_MS = 1_000;

interface Instance {
  readonly worker: Worker;
  readonly ports: ServerPorts;
}

/** All that were started: a process that is stopped does not see that this one has ended. */
const started: Worker[] = [];
process.on('exit', () => {
  for (const worker of started) worker.stop();
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

async function start<First>(script: string): Promise<{ worker: Worker; first: First }> {
  const ready = await Worker.start<First>(script, [], [], import.meta.dirname);
  started.push(ready.worker);
  return ready;
}

/** Makes the calls of a scenario with a client that knows nothing yet, while its fault happens to the first server. */
async function run(scenario: Scenario, instances: readonly Instance[], { balancer, ports }: (typeof CLIENTS)[number]) {
  const { worker } = await start('client-process.ts');
  const sound: ServerOrder = { ...SOUND, ...(Number.isFinite(scenario.workers) && { workers: scenario.workers }) };
  await Promise.all(instances.map((instance) => instance.worker.ask(sound)));
  const order = (name: BalancerOptions, one: Scenario): ClientOrder => ({
    balancer: name,
    clients: scenario.clients,
    ports: instances.map((instance) => instance.ports[ports]),
    calls: [...callsOf(one, seed)],
    deadlineMs: scenario.deadlineMs,
  });
  const warmUpMs = values.quick ? WARM_UP_MS / 10 : WARM_UP_MS;
  await worker.ask(order('round-robin', { ...scenario, durationMs: warmUpMs }));
  const timers = (scenario.faults ?? []).flatMap((fault) => happen(fault, instances[0]));
  const called = await worker.ask<Called>(order(balancer, scenario));
  worker.stop();
  for (const timer of timers) clearTimeout(timer);
  instances[0]?.worker.thaw();
  await instances[0]?.worker.ask(SOUND);
  return called;
}

/** Timers of what happens to the server, counted from now. */
function happen(fault: Fault, instance: Instance | undefined): readonly NodeJS.Timeout[] {
  if (!('fromMs' in fault) || instance === undefined) return [];
  const { worker } = instance;
  const [begin, end] = effects(fault, worker);
  return [setTimeout(begin, fault.fromMs), setTimeout(end, fault.toMs)];
}

function effects(fault: Fault, worker: Worker): readonly [() => void, () => void] {
  const tell = (order: ServerOrder) => () => void worker.ask(order);
  switch (fault.kind) {
    case 'slow':
      return [tell({ ...SOUND, speed: fault.speed }), tell(SOUND)];
    case 'fails':
      return [tell({ ...SOUND, failing: true }), tell(SOUND)];
    case 'stops':
      return [() => worker.freeze(), () => worker.thaw()];
    default:
      throw new Error(`'${fault.kind}' is only simulated`);
  }
}

function shortened(scenario: Scenario): Scenario {
  const faults = (scenario.faults ?? []).map((fault) =>
    'fromMs' in fault ? { ...fault, fromMs: fault.fromMs / 40, toMs: fault.toMs / 40 } : fault,
  );
  return { ...scenario, durationMs: scenario.durationMs / 40, faults };
}

function row(name: string, summary: Summary, requests: readonly number[], lateMs: number): string[] {
  const { calls, succeeded, p50, p99, p999 } = summary;
  const sent = requests.reduce((a, b) => a + b, 0);
  // Where nothing was answered nor timed out there is no number, which comes from another process as null.
  const times = [lateMs, p50, p99, p999].map((ms) => (Number.isFinite(ms) ? ms.toFixed(1) : '–'));
  return [
    name,
    ...times,
    ((100 * succeeded) / calls).toFixed(2),
    ...requests.map((n) => ((100 * n) / sent).toFixed(1)),
  ];
}

const instances = await Promise.all(
  Array.from({ length: REAL[0]?.servers ?? 0 }, async (): Promise<Instance> => {
    const { worker, first } = await start<ServerPorts>('server-process.ts');
    return { worker, ports: first };
  }),
);
console.log(`Node ${process.version}, ${availableParallelism()} cores, seed ${seed}\n`);
for (const whole of REAL) {
  if (positionals.length > 0 && !positionals.includes(whole.name)) continue;
  const scenario = values.quick ? shortened(whole) : whole;
  const rows: string[][] = [];
  for (const client of CLIENTS) {
    const called = await run(scenario, instances, client);
    const simulated = simulate(scenario, policyOf(client.policy), seed);
    rows.push(
      row(client.policy, called, called.requests, called.lateMs),
      row('  simulated', simulated, simulated.requests, 0),
    );
  }
  const servers = instances.map((_, index) => (index === 0 ? 'share of 1, %' : `of ${index + 1}`));
  const heading = ['', 'made late, ms', 'p50, ms', 'p99', 'p99.9', 'success, %', ...servers];
  console.log(`# ${scenario.name}: ${scenario.about}\n\n${table(heading, rows)}\n`);
  console.log(`load of the machine: ${loadavg()[0]?.toFixed(1)}\n`);
}
process.exit();
