import { hostname } from 'node:os';
import { type IsService, namesService } from './client/service-url.ts';
import { checkService, resolveService, type ServiceOptions } from './client/settings.ts';
import { callable, durationMs, fail, hasMethods, options as known, serviceName, string } from './core/check.ts';
import { type Clock, systemClock } from './core/clock.ts';
import type { Logger } from './core/logger.ts';
import { type Random, systemRandom } from './core/random.ts';
import type { Self } from './core/self.ts';
import type { Setting } from './core/setting.ts';
import type { AddressRule } from './discovery/address.ts';
import { type AddressOptions, resolveAddresses } from './discovery/address-options.ts';
import { compileRules, type NameRules, type NameTable } from './discovery/delegation/name-rules.ts';
import { checkRules } from './discovery/delegation/name-tree.ts';
import { type AllowedNames, resolveAllowed } from './discovery/delegation/override.ts';
import { openRegistry, type RegistryOption } from './discovery/open-registry.ts';
import type { RegistryFactory } from './discovery/registry.ts';
import { type InboundOptions, type ResolvedInbound, resolveInbound } from './server/limit/limit-options.ts';
import { inboundSettings } from './server/limit/limit-settings.ts';
import { resolveLogger } from './telemetry/log.ts';
import { isOpenTelemetry, type OpenTelemetry } from './telemetry/opentelemetry.ts';

/** Who this process is. */
export interface SelfOptions {
  /** The service it is an instance of; it is told to every service that is called. */
  readonly service: string;
  /** Such as `production`: this and the next three are what callers ask for with `where`. None by default, else not empty. */
  readonly environment?: string | undefined;
  /** Such as `1.4.2`, so that callers can ask for a range. */
  readonly version?: string | undefined;
  readonly zone?: string | undefined;
  readonly region?: string | undefined;
  /** Anything else that callers may ask for: strings that are not empty. With those above at most 64 when it is announced, of at most 512 characters. */
  readonly attributes?: Readonly<Record<string, string>> | undefined;
}

/** What a mesh is made from. Unknown options, wrong types and impossible values throw a `ConfigError`. */
export interface MeshOptions {
  readonly self: SelfOptions;
  /**
   * Where instances are found: `redis://…`, `rediss://…`, `file:DIR`, `dns:DOMAIN`, `kubernetes:…`, `consul:…`, lists of addresses by service, or
   * a registry of your own. An array of these is asked in order: the first that knows a service decides. `merged(…)` takes what all know.
   */
  readonly registry: RegistryOption;
  /**
   * Which addresses a registry may send this process to. Lists in code and a ready-made registry are your own word, and a function of your own
   * has to ask the `addresses` of its scope.
   * @default all literal ones that can be called, at every port; no host names
   */
  readonly addresses?: AddressOptions | undefined;
  /**
   * A folder, made when it is not there, in which the last view of each service is kept, so that this process can start while the registry
   * is out of reach. What comes from there is used until the registry answers. Lists in code keep nothing, and a registry of your own
   * what it saves in the `lastViews` of its scope. A disk that fails is told as an event, and hurts nothing else. @default none are kept
   */
  readonly cacheDir?: string | undefined;
  /** How old such a view may be, in milliseconds: at least 1,000. @default 86400000, a day */
  readonly cacheMaxAgeMs?: number | undefined;
  /** How every service is called unless `services` says otherwise. @default as each option says */
  readonly defaults?: ServiceOptions | undefined;
  /** How single services are called, by name; key by key on top of `defaults`. @default none */
  readonly services?: Readonly<Record<string, ServiceOptions>> | undefined;
  /** What names of services stand for: others, alternatives in order, or a split by weight. @default every name stands for itself */
  readonly names?: NameRules | undefined;
  /** Which names a request that comes in may put in the place of others, for all calls made for it. @default none */
  readonly nameOverrides?: AllowedNames | undefined;
  /** What the inbound side refuses when there is too much: see docs/overload.md. @default nothing */
  readonly inbound?: InboundOptions | undefined;
  /** Which URLs of a wrapped client name a service. @default hosts of one label without a port, and hosts that end in `.mesh` */
  readonly isService?: IsService | undefined;
  /**
   * How busy this process finds itself, where it knows better than its requests in flight tell: 0 is idle, 1 is all it can do, above is too much.
   * Asked for each response to a caller of the mesh, so it must be quick; told in `mesh-load`. What is no number from 0 to 1,000 is not told,
   * and is a `fault` once. @default not said
   */
  readonly utilisation?: (() => number) | undefined;
  /** Gets state changes and failures, never one line per call. `false` for none. @default pino at level `info` */
  readonly logger?: Logger | false | undefined;
  /** The application's copy of `@opentelemetry/api`; `false` for no spans. @default the one that can be imported, if one can */
  readonly opentelemetry?: OpenTelemetry | false | undefined;
  /** Time, for tests. @default the time of the platform */
  readonly clock?: Clock | undefined;
  /** Chance, for tests. @default `Math.random` */
  readonly random?: Random | undefined;
}

export interface ResolvedMesh {
  readonly self: Self;
  readonly registry: RegistryFactory;
  readonly addresses: AddressRule;
  readonly cacheDir: string | undefined;
  readonly cacheMaxAgeMs: number;
  readonly defaults: ServiceOptions;
  readonly services: ReadonlyMap<string, ServiceOptions>;
  readonly names: NameTable;
  readonly nameOverrides: ((from: string, to: string) => boolean) | undefined;
  readonly inbound: ResolvedInbound;
  readonly inboundSettings: readonly Setting[];
  readonly isService: IsService;
  readonly utilisation: (() => number) | undefined;
  readonly logger: Logger;
  readonly opentelemetry: OpenTelemetry | false | undefined;
  readonly clock: Clock;
  readonly random: Random;
}

const DAY_MS = 86_400_000;
const NAMES = [
  'self',
  'registry',
  'addresses',
  'cacheDir',
  'cacheMaxAgeMs',
  'defaults',
  'services',
  'names',
  'nameOverrides',
  'inbound',
  'isService',
  'utilisation',
  'logger',
  'opentelemetry',
  'clock',
  'random',
];
const CLOCK: readonly (keyof Clock)[] = ['now', 'wall', 'after', 'at', 'background'];
const SELF_NAMES = ['service', 'environment', 'version', 'zone', 'region', 'attributes'];

export function resolveMesh(options: MeshOptions): ResolvedMesh {
  known('createMesh', options, NAMES);
  const { defaults = {}, services = {}, clock = systemClock, random = systemRandom, opentelemetry } = options;
  const { cacheMaxAgeMs = DAY_MS, isService = namesService } = options;
  if (!hasMethods(clock, CLOCK)) fail('clock', `an object with the methods ${CLOCK.join(', ')}`, clock);
  checkService('defaults', defaults);
  known('services', services);
  for (const [name, own] of Object.entries(services)) {
    serviceName('a key of services', name);
    const from = `services.${name}`;
    checkService(from, own);
    // What each says by itself may not go together.
    resolveService(from, [
      { from: 'defaults', options: defaults },
      { from, options: own },
    ]);
  }
  if (opentelemetry !== undefined && opentelemetry !== false && !isOpenTelemetry(opentelemetry))
    fail('opentelemetry', 'false or the exports of @opentelemetry/api', opentelemetry);
  const names = compileRules('names', options.names);
  checkRules(names);
  const inbound = resolveInbound('inbound', options.inbound);
  return {
    self: resolveSelf(options.self, clock, callable('random', random)),
    registry: openRegistry('registry', options.registry),
    addresses: resolveAddresses('addresses', options.addresses),
    cacheDir: options.cacheDir === undefined ? undefined : string('cacheDir', options.cacheDir),
    cacheMaxAgeMs: durationMs('cacheMaxAgeMs', cacheMaxAgeMs, { min: 1_000 }),
    defaults,
    services: new Map(Object.entries(services)),
    names,
    nameOverrides: resolveAllowed('nameOverrides', options.nameOverrides),
    inbound,
    inboundSettings: inboundSettings(inbound, options.inbound),
    isService: callable('isService', isService),
    utilisation: options.utilisation === undefined ? undefined : callable('utilisation', options.utilisation),
    logger: resolveLogger('logger', options.logger),
    opentelemetry,
    clock,
    random,
  };
}

function resolveSelf(self: SelfOptions, clock: Clock, random: Random): Self {
  known('self', self, SELF_NAMES);
  const service = serviceName('self.service', self.service);
  const { attributes: given = {} } = self;
  known('self.attributes', given);
  // Without a prototype, `__proto__` is a name like any other.
  const attributes: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(given)) attributes[name] = string(`self.attributes.${name}`, value);
  for (const name of ['environment', 'version', 'zone', 'region'] as const) {
    const value = self[name];
    if (value !== undefined) attributes[name] = string(`self.${name}`, value);
  }
  const chance = Math.floor(random() * 36 ** 6)
    .toString(36)
    .padStart(6, '0');
  const host = hostname()
    .replace(/[^A-Za-z0-9.-]/g, '-')
    .slice(0, 60);
  return {
    service,
    id: `${service}-${host}-${process.pid}-${chance}`,
    generation: Math.floor(clock.wall()),
    attributes,
  };
}
