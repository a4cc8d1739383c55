import type { Actor } from './actor.ts';
import type { Cast } from './cast.ts';
import type { DemoRegistry } from './demo-registry.ts';
import { newcomerFinds } from './newcomer.ts';
import type { Patience } from './patience.ts';
import { counted, seconds } from './words.ts';

/** What was measured beside the calls, in milliseconds. */
export interface Measured {
  registryAwayMs?: number;
  /** From the return of the registry until a newcomer found all players in it. */
  relistedMs?: number;
  /** From the announcement of the one that joined until it served its first call. */
  joinedMs?: number;
}

/** What the phases can do to the services. */
export class Stage {
  readonly measured: Measured = {};
  readonly #cast: Cast;
  readonly #registry: DemoRegistry;
  readonly #patience: Patience;
  readonly #say: (text: string) => void;
  /** The living players by name. */
  readonly #players = new Map<string, Actor>();
  #awaySince = 0;

  constructor(cast: Cast, registry: DemoRegistry, patience: Patience, say: (text: string) => void) {
    this.#cast = cast;
    this.#registry = registry;
    this.#patience = patience;
    this.#say = say;
  }

  get players(): readonly string[] {
    return [...this.#players.keys()];
  }

  hold(ms: number): Promise<void> {
    return this.#patience.hold(ms);
  }

  /** Starts everything, and resolves when all of it can be called. */
  async open(players: readonly string[]): Promise<Actor> {
    const allReady = (actors: readonly Actor[]) =>
      this.#patience.for('not every process was ready', () => Promise.all(actors.map(({ ready }) => ready)));
    await allReady(players.map((name) => this.#start(name)));
    const teams = this.#cast.start('teams', 'teams.ts');
    const load = this.#cast.start('load', 'load.ts');
    await allReady([teams, load]);
    return load;
  }

  slow(name: string, factor: number): void {
    this.#playing(name).order({ kind: 'slowness', factor });
    this.#say(factor === 1 ? `${name} is as fast as before` : `${name} takes ${factor} times as long for an answer`);
  }

  kill(name: string): void {
    this.#playing(name).kill();
    this.#players.delete(name);
    this.#say(`${name} is killed with SIGKILL`);
  }

  async takeRegistryAway(): Promise<void> {
    await this.#registry.takeAway();
    this.#awaySince = performance.now();
    this.#say(`the registry is gone: ${this.#registry.loss}`);
  }

  /** Gives it back empty, and resolves when all players are listed in it again. */
  async giveRegistryBack(): Promise<void> {
    await this.#registry.giveBack();
    const backAt = performance.now();
    this.measured.registryAwayMs = backAt - this.#awaySince;
    this.#say(`the registry is back, and empty, after ${seconds(this.measured.registryAwayMs)}`);
    const count = this.#players.size;
    const all = counted(count, 'player');
    await this.#patience.for(`a newcomer did not find ${all} in the registry that came back empty`, (signal) =>
      newcomerFinds(count, this.#registry.url, signal),
    );
    this.measured.relistedMs = performance.now() - backAt;
    this.#say(`a newcomer finds ${all} in it again, ${seconds(this.measured.relistedMs)} after it came back`);
  }

  /** Starts one more, and resolves when it has served a call. */
  async join(name: string): Promise<void> {
    this.#say(`${name} starts`);
    const { at } = await this.#patience.for(`${name} was not announced`, () => this.#start(name).ready);
    const servedAt = await this.#patience.for(`${name} served no call`, () => this.#cast.firstServed(name));
    this.measured.joinedMs ??= servedAt - at;
    this.#say(`${name} serves its first call ${seconds(servedAt - at)} after it was announced`);
  }

  /** SIGTERM, the end of the process, and a new one in its place. */
  async restart(name: string): Promise<void> {
    const leaving = this.#playing(name);
    const askedAt = performance.now();
    this.#say(`${name} gets SIGTERM`);
    leaving.terminate();
    await this.#patience.for(`${name} did not end after SIGTERM`, () => leaving.ended);
    this.#players.delete(name);
    this.#say(`${name} has drained and ended, ${seconds(performance.now() - askedAt)} after SIGTERM`);
    await this.join(`${name}′`);
  }

  #start(name: string): Actor {
    const actor = this.#cast.start(name, 'players.ts');
    this.#players.set(name, actor);
    return actor;
  }

  #playing(name: string): Actor {
    const actor = this.#players.get(name);
    if (actor === undefined) throw new Error(`there is no ${name}`);
    return actor;
  }
}
