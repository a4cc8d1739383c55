import { Actor, type Audience } from './actor.ts';
import type { HealthReport, Message, Order } from './protocol.ts';
import { Tally } from './tally.ts';

/** The processes of the demo, and what was heard from them. */
export class Cast implements Audience {
  readonly tally = new Tally();
  /** The last that `teams` told of the players. */
  health: HealthReport | undefined;
  readonly #registry: string;
  readonly #say: (text: string) => void;
  readonly #fail: (error: Error) => void;
  readonly #actors = new Set<Actor>();
  readonly #firstServed = new Map<string, PromiseWithResolvers<number>>();

  /** `say` gets what is worth a line; `fail` gets the error of a process that ended though nobody asked it to. */
  constructor(registry: string, say: (text: string) => void, fail: (error: Error) => void) {
    this.#registry = registry;
    this.#say = say;
    this.#fail = fail;
  }

  /** Starts a process; it is ready some time later. */
  start(name: string, script: string): Actor {
    const actor = new Actor(name, script, [this.#registry, name], this);
    this.#actors.add(actor);
    void actor.ended.then(() => this.#actors.delete(actor));
    return actor;
  }

  /** When an instance of `players` served its first call, in milliseconds since 1970. */
  firstServed(instance: string): Promise<number> {
    return this.#first(instance).promise;
  }

  orderAll(order: Order): void {
    for (const actor of this.#actors) actor.order(order);
  }

  async endAll(): Promise<void> {
    for (const actor of this.#actors) actor.terminate();
    await this.allEnded();
  }

  killAll(): void {
    for (const actor of this.#actors) actor.kill();
  }

  async allEnded(): Promise<void> {
    await Promise.all([...this.#actors].map((actor) => actor.ended));
  }

  heard({ name }: Actor, message: Message): void {
    switch (message.kind) {
      case 'calls':
        this.tally.add(message);
        break;
      case 'health':
        this.health = message;
        break;
      case 'said':
        this.#say(`${name} ${message.text}`);
        break;
      case 'first-served':
        this.#first(message.instance).resolve(message.at);
        break;
      case 'ready':
      case 'done':
    }
  }

  crashed(error: Error): void {
    this.#fail(error);
  }

  #first(instance: string): PromiseWithResolvers<number> {
    const first = this.#firstServed.get(instance) ?? Promise.withResolvers<number>();
    this.#firstServed.set(instance, first);
    return first;
  }
}
