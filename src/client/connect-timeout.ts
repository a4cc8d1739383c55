/** A connection that is not made within this will hardly be; another endpoint is the better try. */
export const CONNECT_TIMEOUT_MS = 1_000;
