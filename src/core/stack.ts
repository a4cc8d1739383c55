import { ConfigError } from './errors.ts';
import type { Filter, Scope } from './filter.ts';
import type { Placed } from './hooks.ts';
import { bounds, joined } from './joined.ts';
import { observerOf } from './observe.ts';
import type { Place } from './roles.ts';
import type { Service } from './service.ts';

interface Layer<Req, Res, S extends Scope> {
  readonly role: string;
  readonly filter: Filter<Req, Res, S>;
}

/**
 * An immutable list of named filters, outermost first. Every change gives a new stack; a role that is not there throws, because a filter
 * that silently ends up nowhere is found out in production.
 */
export class Stack<Req, Res, S extends Scope = Scope> {
  readonly #order: readonly Place[];
  readonly #layers: readonly Layer<Req, Res, S>[];

  private constructor(order: readonly Place[], layers: readonly Layer<Req, Res, S>[]) {
    this.#order = order;
    this.#layers = layers;
  }

  /** A stack of these filters, whose known roles must stand as in `order`. Each role occurs at most once. */
  static of<Req, Res, S extends Scope = Scope>(
    order: readonly Place[],
    layers: readonly (readonly [role: string, filter: Filter<Req, Res, S>])[],
  ): Stack<Req, Res, S> {
    let stack = new Stack<Req, Res, S>(order, []);
    for (const [role, filter] of layers) stack = stack.#with(stack.#layers.length, 0, role, filter);
    return stack;
  }

  get roles(): readonly string[] {
    return this.#layers.map((layer) => layer.role);
  }

  /** Puts a filter directly outside of `role`. */
  insertBefore(role: string, name: string, filter: Filter<Req, Res, S>): Stack<Req, Res, S> {
    return this.#with(this.#find(role), 0, name, filter);
  }

  /** Puts a filter directly inside of `role`. */
  insertAfter(role: string, name: string, filter: Filter<Req, Res, S>): Stack<Req, Res, S> {
    return this.#with(this.#find(role) + 1, 0, name, filter);
  }

  replace(role: string, filter: Filter<Req, Res, S>): Stack<Req, Res, S> {
    return this.#with(this.#find(role), 1, role, filter);
  }

  remove(role: string): Stack<Req, Res, S> {
    return new Stack(this.#order, this.#layers.toSpliced(this.#find(role), 1));
  }

  /** Composes the filters around `terminal`, once. Throws when known roles are out of order, with the reason for their order. */
  build(terminal: Service<Req, Res>, scope: S): Service<Req, Res> {
    this.#checkOrder();
    let service = terminal;
    let observers: Placed<Req, Res>[] = [];
    for (const { role, filter } of this.#layers.toReversed()) {
      const make = observerOf(filter);
      if (make !== undefined) {
        const placed = { role, observer: make(scope) };
        // Of those that are joined only one may bound its calls.
        if (bounds(placed) && observers.some(bounds)) {
          service = joined(service, observers, scope);
          observers = [];
        }
        observers = [placed, ...observers];
        continue;
      }
      if (observers.length > 0) service = joined(service, observers, scope);
      observers = [];
      service = filter(service, scope);
    }
    return observers.length > 0 ? joined(service, observers, scope) : service;
  }

  /** The roles, outermost first, one a line, each with the reason for its place. */
  toString(): string {
    const width = Math.max(0, ...this.#layers.map((layer) => layer.role.length));
    return this.#layers
      .map(({ role }) => `${role.padEnd(width)}  ${this.#place(role)?.why ?? 'added by the application'}`)
      .join('\n');
  }

  #with(index: number, removed: number, role: string, filter: Filter<Req, Res, S>): Stack<Req, Res, S> {
    const layers = this.#layers.toSpliced(index, removed, { role, filter });
    if (layers.filter((layer) => layer.role === role).length > 1)
      throw new ConfigError(`the stack already has a filter '${role}'`);
    return new Stack(this.#order, layers);
  }

  #find(role: string): number {
    const index = this.#layers.findIndex((layer) => layer.role === role);
    if (index < 0) throw new ConfigError(`the stack has no filter '${role}'; it has ${this.roles.join(', ')}`);
    return index;
  }

  #place(role: string): Place | undefined {
    return this.#order.find((place) => place.role === role);
  }

  #checkOrder(): void {
    const rank = (role: string) => this.#order.findIndex((place) => place.role === role);
    let outer: string | undefined;
    for (const { role } of this.#layers) {
      if (rank(role) < 0) continue;
      if (outer !== undefined && rank(role) < rank(outer)) {
        throw new ConfigError(
          `'${role}' must stand outside of '${outer}' (${role}: ${this.#place(role)?.why}; ${outer}: ${this.#place(outer)?.why})`,
        );
      }
      outer = role;
    }
  }
}
