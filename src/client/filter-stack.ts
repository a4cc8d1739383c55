import { callable, fail } from '../core/check.ts';
import { ConfigError } from '../core/errors.ts';
import type { Filter } from '../core/filter.ts';
import { clientRoles, endpointRoles, type StackRole } from '../core/roles.ts';

/** A filter of the application, and where it was put. */
export interface PlacedFilter<Req, Res> {
  readonly name: string;
  readonly side: 'before' | 'after';
  /** A role of the stacks, or the name of a filter that was put there before. */
  readonly role: string;
  readonly filter: Filter<Req, Res>;
}

interface PlacedFilters<Req, Res> {
  readonly filters: readonly PlacedFilter<Req, Res>[];
}

/**
 * Where filters of the application are put: beside the roles of docs/stack.md, whether or not what stands there is switched on, and beside
 * filters that were put there before. Each call gives the stack to go on from. A wrong role throws a `ConfigError`, as does a name that is taken.
 */
export interface FilterStack<Req, Res, Role extends string = StackRole> extends PlacedFilters<Req, Res> {
  /** Puts a filter directly outside of `role`: it is first on the way down, and last on the way up. */
  insertBefore<const Name extends string>(
    role: Role,
    name: Name,
    filter: Filter<Req, Res>,
  ): FilterStack<Req, Res, Role | Name>;
  /** Puts a filter directly inside of `role`. Nothing stands inside of `balance`: it goes on in the stack of an attempt. */
  insertAfter<const Name extends string>(
    role: Exclude<Role, 'balance'>,
    name: Name,
    filter: Filter<Req, Res>,
  ): FilterStack<Req, Res, Role | Name>;
}

/** Puts filters of the application into the stacks of one client. Asked once, when the client is made or wrapped. */
export type PutFilters<Req, Res> = (stack: FilterStack<Req, Res>) => PlacedFilters<Req, Res>;

const ROLES: readonly string[] = [...clientRoles, ...endpointRoles].map(({ role }) => role);
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$/;

class Plan<Req, Res> implements FilterStack<Req, Res, string> {
  readonly filters: readonly PlacedFilter<Req, Res>[];
  readonly #option: string;
  #left = false;

  constructor(option: string, filters: readonly PlacedFilter<Req, Res>[]) {
    this.#option = option;
    this.filters = filters;
  }

  insertBefore(role: string, name: string, filter: Filter<Req, Res>): Plan<Req, Res> {
    return this.#with({ side: 'before', role, name, filter });
  }

  insertAfter(role: string, name: string, filter: Filter<Req, Res>): Plan<Req, Res> {
    if (role === 'balance')
      fail(
        `${this.#option}: the role that '${name}' comes after`,
        "another than 'balance', which goes on in the stack of an attempt ('attempt-trace' is outermost there)",
        role,
      );
    return this.#with({ side: 'after', role, name, filter });
  }

  /** Throws when this is not the last stack that was given: what was put into another is lost. */
  checkLast(): void {
    if (this.#left)
      throw new ConfigError(
        `${this.#option} must go on from the stack that the last insert gave, and return the last: each insert gives a new one`,
      );
  }

  #with(placed: PlacedFilter<Req, Res>): Plan<Req, Res> {
    const { name, role } = placed;
    const known = [...ROLES, ...this.filters.map((one) => one.name)];
    if (typeof name !== 'string' || !NAME.test(name))
      fail(`${this.#option}: the name of a filter`, '1 to 60 of A-Z, a-z, 0-9, ".", "_", "-"', name);
    if (known.includes(name)) throw new ConfigError(`${this.#option}: the stack already has a filter '${name}'`);
    if (!known.includes(role))
      throw new ConfigError(`${this.#option}: the stack has no filter '${role}'; it has ${known.join(', ')}`);
    callable(`${this.#option}: filter '${name}'`, placed.filter);
    this.checkLast();
    this.#left = true;
    return new Plan(this.#option, [...this.filters, placed]);
  }
}

/** The filters that an option puts into the stacks, in the order in which it did. */
export function resolveFilters<Req, Res>(
  option: string,
  put: PutFilters<Req, Res> | undefined,
): readonly PlacedFilter<Req, Res>[] {
  if (put === undefined) return [];
  const given: unknown = callable(option, put)(new Plan(option, []));
  if (!(given instanceof Plan)) fail(option, 'a function that returns the stack with its filters', given);
  given.checkLast();
  return given.filters;
}
