import { setTimeout as delay } from 'node:timers/promises';
import { expect, type TestContext } from 'vitest';
import type { ServiceOptions } from '../../src/client/settings.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { Actor, type Part } from './actor.ts';
import type { CallerPlan, CallerReport, InstancesPlan, Reach } from './fixtures/protocol.ts';

/** Whether tests run at full length, as with `npm run test:long`. */
export const long: boolean = process.env['HEDDLE_LONG'] === '1';

/** What a test must have seen to say anything: calls before the fault, and in all. */
const CALLS_BEFORE = 1_000;
const CALLS = 10_000;
/** At full length the fault lasts, and fewer calls a second are enough. */
const CALLS_PER_SECOND = long ? 400 : 700;
/** On a busy machine an instance that is alive may take long to answer; a test that needs time limits sets them. */
const PATIENT: ServiceOptions = { attemptTimeoutMs: 20_000, deadlineMs: 100_000 };
/** What the keys of `players` begin with. */
export const KEY = 'mesh:v1:{default/players}:';
/** What owners may take to be listed again, on top of one beat. */
const RETURN_MS = 5_000;

/** Beats, leases and returns of a test: short ones, unless it runs at full length. Who waits to return may wait for a quarter more. */
export const timing: { readonly beatMs: number; readonly leaseMs: number; readonly reconnectMs: number } = long
  ? { beatMs: 10_000, leaseMs: 30_000, reconnectMs: 5_000 }
  : { beatMs: 1_000, leaseMs: 3_000, reconnectMs: 3_000 };

/** A process that serves one or more instances. */
export interface Players {
  readonly actor: Actor<readonly string[]>;
  readonly ids: readonly string[];
}

/** Everything that a test under load plays with: instances, one caller, and how they fared. */
export class Stage {
  readonly #context: TestContext;
  readonly #reach: Reach;
  #caller: Actor<true> | undefined;
  /** The longest that this process had to wait for the processor: nobody else can be expected to be quicker. */
  #stoodStillMs = 0;
  /** Ids of those that are alive. */
  alive: readonly string[] = [];
  /** Seconds until all owners were listed again, after each fault. */
  readonly relisted: number[] = [];

  constructor(context: TestContext, reach: Reach) {
    this.#context = context;
    this.#reach = reach;
  }

  /** Starts processes of so many instances each, and waits until all of them are announced. */
  async players(...counts: readonly number[]): Promise<Players[]> {
    const actors = counts.map((count) => {
      const plan: InstancesPlan = { ...this.#reach, count };
      return this.start<readonly string[]>('instances', plan);
    });
    const started = await Promise.all(actors.map(async (actor) => ({ actor, ids: await actor.ready })));
    this.alive = [...this.alive, ...started.flatMap(({ ids }) => ids)];
    return started;
  }

  /** Starts the caller, and waits until it can use everybody and has made enough calls to be in its stride. */
  async load(options: ServiceOptions = {}): Promise<void> {
    const plan: CallerPlan = { ...this.#reach, options: { ...PATIENT, ...options }, callsPerSecond: CALLS_PER_SECOND };
    this.#caller = this.start('caller', plan);
    await this.#caller.ready;
    await this.until(({ endpoints }) => this.alive.every((id) => endpoints.some((one) => one.id === id)));
    await this.expectAlive(this.alive);
    await this.until(({ calls }) => calls >= CALLS_BEFORE);
  }

  start<Ready>(part: Part, plan: object): Actor<Ready> {
    const actor = new Actor<Ready>(part, plan);
    actor.ready.catch(() => {}); // whoever waits for it hears of it
    this.#context.onTestFinished(() => actor.kill());
    return actor;
  }

  /** Kills a process; what served there is no longer expected to be usable. */
  async kill({ actor, ids }: Players): Promise<void> {
    await this.expectAlive(this.alive.filter((id) => !ids.includes(id)));
    await actor.kill();
  }

  async expectAlive(ids: readonly string[]): Promise<void> {
    this.alive = ids;
    await this.#callers.ask('alive', { ids });
  }

  report(): Promise<CallerReport> {
    return this.#callers.ask('report', {});
  }

  /** Waits until the caller has seen something; fails when it does not within four minutes. */
  async until(holds: (report: CallerReport) => boolean, withinMs = 240_000): Promise<CallerReport> {
    for (const startedAt = performance.now(); ; await delay(50)) {
      const report = await this.report();
      if (holds(report)) return report;
      if (performance.now() - startedAt > withinMs) throw new Error(`did not come: ${JSON.stringify(report)}`);
    }
  }

  /** Waits until Redis lists everybody who is alive, with a lease that holds; remembers how long that took. */
  async listedAgain(redis: RedisServer): Promise<void> {
    const startedAt = performance.now();
    for (let now = startedAt; !(await this.listed(redis, this.alive)); ) {
      // A test that fails should say by how much, so it waits for longer than it allows.
      if (now - startedAt > 3 * (this.#reach.beatMs + RETURN_MS)) break;
      await delay(20);
      const before = now;
      now = performance.now();
      this.#stoodStillMs = Math.max(this.#stoodStillMs, now - before - 20);
    }
    this.relisted.push((performance.now() - startedAt) / 1_000);
  }

  /** Whether Redis lists all of these, with a lease that holds. */
  async listed(redis: RedisServer, ids: readonly string[]): Promise<boolean> {
    const leases = await redis.command('ZRANGEBYSCORE', `${KEY}l`, `(${Date.now()}`, '+inf');
    const records = await redis.command('HKEYS', `${KEY}i`);
    return ids.every((id) => leases.includes(id) && records.includes(id));
  }

  /** Goes on calling until there were enough calls, stops, prints the figures and judges them. */
  async judge(): Promise<CallerReport> {
    await this.until(({ calls }) => calls >= CALLS);
    const report = await this.#callers.ask('stop', {});
    this.#print(report);
    expect(report.calls).toBeGreaterThanOrEqual(CALLS);
    expect(report.failures).toEqual({});
    expect(report.failed).toBe(0);
    expect(report.torn, 'views that were not whole').toBe(0);
    expect(report.missing, `living instances that could not be used: ${report.worst}`).toBe(0);
    const allowedMs = this.#reach.beatMs + RETURN_MS + this.#stoodStillMs;
    for (const seconds of this.relisted) expect(seconds).toBeLessThanOrEqual(allowedMs / 1_000);
    return report;
  }

  get #callers(): Actor<true> {
    if (this.#caller === undefined) throw new Error('there is no load yet');
    return this.#caller;
  }

  #print({ calls, failed, failures, retries, mostAttempts, missing, views }: CallerReport): void {
    const listed = this.relisted.map((seconds) => seconds.toFixed(1)).join(', ');
    const { length } = this.alive;
    const figures = [
      `${calls} calls, ${failed} failed, ${retries} retries (at most ${mostAttempts} sends for one call)`,
      `usable at the worst moment ${length - missing} of ${length} alive`,
      `${views} views`,
      ...Object.entries(failures).map(([message, times]) => `${times} × ${message}`),
      ...(listed === '' ? [] : [`all listed again after ${listed} s`]),
    ];
    process.stdout.write(`  chaos: ${this.#context.task.name}: ${figures.join('; ')}\n`);
  }
}
