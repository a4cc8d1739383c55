import { channel } from 'node:diagnostics_channel';

/** What happens in a mesh and is worth an alert or a log line. Never one per call. */
export interface MeshEvents {
  /**
   * The breakers of a service opened, or closed again, for one `cause`: calls failed, most of them only by being slow, or the application forced it. `trips`
   * counts the openings of an outage: probes that failed, other clients of the service, and openings less than a minute after the last closing. So
   * 1 is a new outage, and worth an alert.
   */
  breaker: {
    readonly service: string;
    readonly state: 'closed' | 'open';
    readonly cause: 'failures' | 'slow' | 'forced';
    readonly reason: string;
    readonly trips: number;
  };
  /** An endpoint was taken out of use by its own failures or its checks, or came back. */
  endpoint: {
    readonly service: string;
    readonly endpoint: string;
    readonly health: 'up' | 'busy' | 'down';
    readonly reason: string;
  };
  /**
   * Calls of a service `begun` to leave the instances that this process prefers (its zone, the first priority), which cannot take all of them, or that has
   * `ended`. `reason` says where they go now. Not told of a service that had nobody near from the start.
   */
  spill: { readonly service: string; readonly state: 'begun' | 'ended'; readonly reason: string };
  /**
   * The time of a response was over, and nobody had begun to read its body: until then it held a connection. Told of the first of each service and client library, and
   * once more of one with `from`: the lines of the stack by which its call was made. That is kept of the thousand calls after one that nobody read. `bodies_unread` counts.
   */
  unread: {
    readonly service: string;
    readonly endpoint: string;
    readonly client: string;
    readonly from: string | undefined;
  };
  /** The set of known instances of a service changed. */
  view: {
    readonly service: string;
    readonly known: number;
    readonly joined: readonly string[];
    readonly left: readonly string[];
  };
  /**
   * Many instances are in doubt together, as when a registry lost its contents: more than 15 %, and at least two. None of them is removed for
   * that. Said once, until most are out of doubt again.
   */
  doubt: { readonly service: string; readonly known: number; readonly suspects: number };
  /**
   * The registry came within reach, or went out of it; `permanent` when it takes a person to bring it back. `limited`: it can be read, and
   * does not do all that it should; `reason` says what is missing.
   */
  registry: {
    readonly registry: string;
    readonly state: 'connected' | 'limited' | 'lost';
    readonly reason: string;
    readonly permanent: boolean;
  };
  /** A record of the registry, or something else from outside, was skipped. */
  rejected: { readonly source: string; readonly id: string; readonly reason: string };
  /**
   * The views on disk: one could not be used and was `ignored`; they can no longer be written (`failed`), or can again (`working`).
   */
  cache: {
    readonly folder: string;
    readonly service: string;
    readonly state: 'ignored' | 'failed' | 'working';
    readonly reason: string;
  };
  /** What this process says of itself in the registry. */
  announcement: {
    readonly service: string;
    readonly id: string;
    readonly state: 'announced' | 'retrying' | 'fenced' | 'left';
    readonly reason: string;
  };
  /** Code that was handed to the mesh (a filter, a listener) threw; the call went on. */
  fault: { readonly source: string; readonly error: unknown };
}

export type MeshEventName = keyof MeshEvents;

/** What it returns is of no interest, but a promise that rejects is reported like an error that is thrown. */
type Listener<Name extends MeshEventName> = (event: MeshEvents[Name]) => unknown;

/** Typed events, mirrored to `node:diagnostics_channel` as `heddle:<name>`. A listener that fails hurts nobody else. */
export class Events {
  readonly #listeners = new Map<MeshEventName, Set<(event: never) => unknown>>();

  /** Calls `listener` for each event of that name; the function returned stops that. */
  on<Name extends MeshEventName>(name: Name, listener: Listener<Name>): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  emit<Name extends MeshEventName>(name: Name, event: MeshEvents[Name]): void {
    // `on` stores under `name` only listeners of that name's event, which the map's type cannot say.
    const listeners = this.#listeners.get(name) as Set<Listener<Name>> | undefined;
    // A copy, so that a listener which adds one does not make it hear this event, and itself again and again.
    for (const listener of [...(listeners ?? [])]) {
      if (listeners?.has(listener)) this.#tell(name, listener, event);
    }
    const mirror = channel(`heddle:${name}`);
    if (mirror.hasSubscribers) mirror.publish(event);
  }

  #tell<Name extends MeshEventName>(name: Name, listener: Listener<Name>, event: MeshEvents[Name]): void {
    const failed = (error: unknown) => {
      if (name !== 'fault') this.emit('fault', { source: `listener of '${name}'`, error });
    };
    try {
      const result = listener(event);
      if (result instanceof Promise) result.catch(failed);
    } catch (error) {
      failed(error);
    }
  }
}
