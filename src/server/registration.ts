import type { Clock } from '../core/clock.ts';
import type { Events } from '../core/events.ts';
import type { Announcement, Instance } from '../discovery/registry.ts';
import type { ServerDrain } from './server-drain.ts';

interface RegistrationParts {
  readonly announcement: Announcement;
  /** `undefined` when only a port was registered. */
  readonly drain: ServerDrain | undefined;
  readonly noticeMs: number;
  readonly finishMs: number;
  readonly clock: Clock;
  readonly events: Events;
  /** Lets go of signals, server and everything else that was taken for this registration. */
  readonly release: () => void;
  readonly onDrained: (signal: NodeJS.Signals | undefined) => void | Promise<void>;
}

/** `drained` when the server has stopped; `left` when it was only withdrawn from the registry; before that, as the announcement stands. */
export type RegistrationState = Announcement['state'] | 'draining' | 'drained';

/** A registry promises to be done within a second; one that breaks its promise is not waited for. */
const LEAVE_MS = 1_000;

/** This process as the mesh announced it. It ends by a signal, by `drain`, by `leave`, or when its server closes. */
export interface Registration {
  /** What was announced. */
  readonly instance: Instance;
  readonly state: RegistrationState;
  /**
   * Stops so that no request is lost: leaves the registry, goes on accepting for `noticeMs` while every response says
   * `Connection: close`, closes the port, and waits for what is in flight for at most `finishMs`. Works the same with the registry out of
   * reach. The second call returns the promise of the first.
   */
  drain(): Promise<void>;
  /** Withdraws from the registry and lets go of signals and server, which stays as it is. Done within a second; never rejects. */
  leave(): Promise<void>;
  /** Resolves when it is over: after a drain, or at once after `leave`. Never rejects. */
  readonly drained: Promise<void>;
}

export class OwnRegistration implements Registration {
  readonly #parts: RegistrationParts;
  readonly #resolveDrained: () => void;
  #phase: 'live' | 'draining' | 'drained' | 'left' = 'live';
  #withdrawn: Promise<void> | undefined;

  readonly instance: Instance;
  readonly drained: Promise<void>;

  constructor(parts: RegistrationParts) {
    this.#parts = parts;
    this.instance = parts.announcement.instance;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.drained = promise;
    this.#resolveDrained = resolve;
  }

  get state(): RegistrationState {
    return this.#phase === 'live' ? this.#parts.announcement.state : this.#phase;
  }

  drain(): Promise<void> {
    this.begin(undefined);
    return this.drained;
  }

  leave(): Promise<void> {
    if (this.#phase === 'live') {
      this.#phase = 'left';
      this.#parts.release();
      this.#resolveDrained();
    }
    return this.#withdraw();
  }

  /** Starts the drain, because of a signal or without one. */
  begin(signal: NodeJS.Signals | undefined): void {
    if (this.#phase !== 'live') return;
    this.#phase = 'draining';
    void this.#run(signal);
  }

  async #run(signal: NodeJS.Signals | undefined): Promise<void> {
    const { drain, clock, events, noticeMs, finishMs, release, onDrained } = this.#parts;
    const withdrawn = this.#withdraw();
    drain?.notice();
    if (drain?.closed !== true) await new Promise<void>((resolve) => clock.after(noticeMs, resolve));
    await drain?.finish(finishMs, clock);
    await withdrawn;
    release();
    this.#phase = 'drained';
    this.#resolveDrained();
    try {
      await onDrained(signal);
    } catch (error) {
      events.emit('fault', { source: 'end of a drain', error });
    }
  }

  #withdraw(): Promise<void> {
    this.#withdrawn ??= this.#leaveRegistry();
    return this.#withdrawn;
  }

  async #leaveRegistry(): Promise<void> {
    const { announcement, clock, events } = this.#parts;
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = clock.after(LEAVE_MS, resolve);
    try {
      await Promise.race([announcement.leave(), late]);
    } catch (error) {
      events.emit('fault', { source: 'leaving the registry', error });
    } finally {
      timer.cancel();
    }
  }
}
