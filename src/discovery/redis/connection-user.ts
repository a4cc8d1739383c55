/** Whoever depends on the connection. */
export interface ConnectionUser {
  /**
   * The connection stands. `fresh` unless many processes may be returning at the same moment; `hears` when what is said on its channel, if it
   * has one, is told: else it has to ask.
   */
  ready(fresh: boolean, hears: boolean): void;
  /** Until the next `ready` nothing can be done; `reason` is for people. */
  lost(reason: string): void;
}

/** One that listens. */
export interface ListeningUser extends ConnectionUser {
  /** Of no other user. */
  readonly channel: string;
  message(text: string): void;
}

export function listens(user: ConnectionUser): user is ListeningUser {
  return 'channel' in user;
}
