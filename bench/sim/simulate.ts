import type { MakePicker } from '../../src/balancer/picker.ts';
import { below } from '../../src/core/random.ts';
import { seededRandom } from '../../src/testing/seeded-random.ts';
import { callsOf } from './calls.ts';
import { CentralQueue } from './central-queue.ts';
import { Client, endpointsOf, nameOf } from './client.ts';
import { Engine } from './engine.ts';
import { cause } from './faults.ts';
import type { Policy } from './policy.ts';
import { type Scenario, speedOf } from './scenario.ts';
import { Server } from './server.ts';
import { type Summary, Tally } from './tally.ts';

export interface Result extends Summary {
  /** Busy time of the busiest server ÷ the mean of all: 1 is even. */
  readonly evenness: number;
  /** Mean share of the workers that were busy. */
  readonly utilisation: number;
  /** Requests that came to each server. */
  readonly requests: readonly number[];
  /** Calls of the whole run, those of the warm-up included, and how many of them ended. They are the same when nothing was lost. */
  readonly entered: number;
  readonly left: number;
}

/**
 * Makes the calls of a scenario under a policy, and tells what came of them. Whatever the policy, the same seed makes the same calls with the
 * same work at the same moments, and lets the same faults happen.
 */
export function simulate(scenario: Scenario, policy: Policy, seed: number): Result {
  const engine = new Engine();
  const { picker } = policy;
  const central = picker === 'central-queue';
  const chance = streams(seed);
  const servers = Array.from({ length: scenario.servers }, (_, index) => {
    const discipline = central ? 'fifo' : scenario.discipline;
    const { workers } = scenario;
    const busyLoop = !central && (scenario.busyLoop ?? false);
    return new Server({ index, engine, random: chance(), workers, discipline, busyLoop });
  });
  for (const server of servers) server.speed = speedOf(scenario, server.index);
  const faults = chance();
  for (const fault of scenario.faults ?? []) cause(fault, scenario, servers, engine, faults);

  const tally = new Tally();
  const call = central
    ? centralQueue(scenario, engine, servers, tally)
    : clients(scenario, policy, picker, engine, servers, tally, chance);

  const planned = callsOf(scenario, seed);
  let entered = 0;
  let left = 0;
  const ended = () => {
    left++;
    if (left === entered && engine.now() >= scenario.durationMs) engine.stop();
  };
  const expect = () => {
    const next = planned.next();
    if (next.done === true) return;
    const { atMs, client, workMs } = next.value;
    engine.schedule(atMs, () => {
      entered++;
      expect();
      call(client, workMs, atMs >= scenario.warmUpMs, ended);
    });
  };
  expect();
  engine.schedule(scenario.durationMs, () => {
    if (left === entered) engine.stop();
  });
  engine.run();

  const busy = servers.map((server) => server.busyMs);
  const meanBusy = busy.reduce((sum, ms) => sum + ms, 0) / busy.length;
  return {
    ...tally.summary(),
    evenness: Math.max(...busy) / meanBusy,
    utilisation: meanBusy / scenario.workers / engine.now(),
    requests: servers.map((server) => server.requests),
    entered,
    left,
  };
}

type MakeCall = (client: number, workMs: number, counted: boolean, ended: () => void) => void;

function centralQueue(scenario: Scenario, engine: Engine, servers: readonly Server[], tally: Tally): MakeCall {
  const queue = new CentralQueue(engine, servers, tally, scenario.oneWayMs, scenario.deadlineMs);
  return (_client, workMs, counted, ended) => queue.call(workMs, counted, ended);
}

function clients(
  scenario: Scenario,
  policy: Policy,
  picker: MakePicker,
  engine: Engine,
  servers: readonly Server[],
  tally: Tally,
  chance: () => () => number,
): MakeCall {
  const network = engine.lane(scenario.oneWayMs);
  const deadlines = engine.lane(scenario.deadlineMs);
  const { zones } = scenario;
  const far = zones === undefined ? network : engine.lane(scenario.oneWayMs + zones.betweenMs);
  const endpoints = endpointsOf(servers.length, zones?.count);
  const world = { engine, servers, endpoints, tally, network, far, deadlines };
  const all = Array.from({ length: scenario.clients }, (_, index) => {
    const random = chance();
    const zone = zones && nameOf(zones.clients?.[index % zones.clients.length] ?? index % zones.count);
    return new Client(world, picker(random, engine), policy, random, zone);
  });
  return (client, workMs, counted, ended) => all[client]?.call(workMs, counted, ended);
}

/** Sources of chance that have nothing to do with each other, in an order that depends on the seed alone. */
function streams(seed: number): () => () => number {
  const seeds = seededRandom(seed ^ 0x2545f491);
  return () => seededRandom(below(seeds, 2 ** 32));
}
