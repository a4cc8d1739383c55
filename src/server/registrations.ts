import type { Server } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Clock } from '../core/clock.ts';
import { ConfigError } from '../core/errors.ts';
import type { Events } from '../core/events.ts';
import type { Metrics } from '../core/metrics.ts';
import type { Self } from '../core/self.ts';
import { type AddressRule, defaultAddresses } from '../discovery/address.ts';
import type { Instance, Registry } from '../discovery/registry.ts';
import { announcedHost } from './announced-host.ts';
import { listening } from './listening.ts';
import { type RegisterOptions, type ResolvedRegister, resolveRegister } from './register-options.ts';
import { OwnRegistration, type Registration } from './registration.ts';
import { ServerDrain } from './server-drain.ts';
import { onFirstSignal } from './signals.ts';

/** What registering needs of a mesh. */
export interface RegistrationsParts {
  readonly self: Self;
  readonly registry: Registry;
  /** Where this process may say that it is, when it has several addresses. @default any literal address that can be called */
  readonly addresses?: AddressRule | undefined;
  readonly clock: Clock;
  readonly events: Events;
  readonly metrics: Metrics;
  /** Called after each drain, with the signal that started it if one did. What it throws is reported as a `fault`. */
  readonly onDrained: (signal: NodeJS.Signals | undefined) => void | Promise<void>;
}

/** The addresses under which this process announces itself: usually one, one more for each further server. */
export class Registrations {
  readonly #parts: RegistrationsParts;
  readonly #live = new Set<Registration>();
  #announced = 0;

  constructor(parts: RegistrationsParts) {
    this.#parts = parts;
  }

  /** Those that are neither drained nor left. */
  get live(): readonly Registration[] {
    return [...this.#live];
  }

  /**
   * Announces this process, once its server listens. Does not wait for the registry: one that is out of reach hears of it when it returns.
   *
   * Rejects with a `ConfigError` for a wrong option, and with a `MeshError` when the server cannot listen. Reports the gauge `registered`:
   * 1 while the registry knows.
   */
  async register(options: RegisterOptions): Promise<Registration> {
    const { self, registry, clock, events, metrics, onDrained } = this.#parts;
    const resolved = resolveRegister(options);
    const { server, signals, noticeMs, finishMs } = resolved;
    if (server !== undefined) await listening(server, self.service);

    const announcement = registry.announce(this.#describe(resolved));
    this.#announced++;
    const drain = server && new ServerDrain(server, () => registration.begin(undefined));
    const release = () => {
      this.#live.delete(registration);
      stopSignals();
      drain?.release();
    };
    const timing = { clock, noticeMs, finishMs };
    const registration = new OwnRegistration({ announcement, drain, ...timing, events, release, onDrained });
    const stopSignals = onFirstSignal(signals, (signal) => registration.begin(signal));
    this.#live.add(registration);
    metrics.gauge('registered', { port: `${registration.instance.port}` }, () =>
      registration.state === 'announced' ? 1 : 0,
    );
    return registration;
  }

  /** Withdraws all of them and lets go of their servers and signals, without a drain. Done within a second; never rejects. */
  async leave(): Promise<void> {
    await Promise.all(this.live.map((registration) => registration.leave()));
  }

  #describe({ server, port: wanted, host, protocol, weight, attributes }: ResolvedRegister): Instance {
    const { self, addresses = defaultAddresses } = this.#parts;
    const bound = addressOf(server);
    const port = wanted ?? bound?.port;
    if (port === undefined) throw new ConfigError('register.port must be given, since the server listens on no port');
    const allowed = (address: string) => addresses.refusal(address, port) === undefined;
    return {
      id: this.#idFor(port),
      service: self.service,
      host: host ?? announcedHost(bound?.address, networkInterfaces(), allowed),
      port,
      protocol,
      // Without a prototype, as in every registry.
      attributes: Object.assign(Object.create(null), self.attributes, attributes),
      weight,
      status: 'up',
      // An id that has left may come back only as a newer generation of itself.
      generation: self.generation + this.#announced,
    };
  }

  /** The id of the process; a further port of the same process adds its number, since an id names one address. */
  #idFor(port: number): string {
    const { id } = this.#parts.self;
    const others = this.live.map((registration) => registration.instance);
    if (others.some((other) => other.port === port))
      throw new ConfigError(`register.port ${port} is already announced by this process`);
    return others.some((other) => other.id === id) ? `${id}-${port}` : id;
  }
}

/** Where the server listens; `undefined` for a pipe or a Unix socket, which nobody else can call. */
function addressOf(server: Server | undefined): { readonly address: string; readonly port: number } | undefined {
  const address = server?.address();
  return typeof address === 'object' && address !== null ? address : undefined;
}
