import type { Listener } from './listeners.ts';
import type { NotRetried } from './not-retried.ts';

/** What a call was answered with in the place of its own outcome. */
export interface FallenBack {
  /** The other service, an answer kept from before, or one that was made here. */
  readonly to: 'service' | 'stale' | 'answer';
  /** Why: the error, or the status of the response. */
  readonly because: string;
}

/**
 * What a cache did for a GET: it had a fresh answer, or an old one that may be given (`stale`); asked the service whether the old one is still good, and it was
 * (`revalidated`); had none (`miss`); or was not asked, because of what the request says (`bypass`).
 */
export type CacheUse = 'hit' | 'stale' | 'revalidated' | 'miss' | 'bypass';

/** What is true of few calls and attempts. Each has room for one field, and not for all of these. */
export interface Notes<Attempt> {
  /** On an attempt: the second one, sent beside it, whose outcome stands for both; `undefined` when its own does. */
  readonly standIn?: Attempt;
  /** On an attempt: which fault it was made to meet, if any. */
  readonly fault?: string;
  /** On a call: why its last attempt, which failed, was not followed by another; `undefined` while none was denied. */
  readonly notRetried?: NotRetried | undefined;
  /** On a call: told what a listener of a filter of the application throws, which else would keep others from hearing. */
  readonly faulted?: Listener<unknown>;
  /** On a call: what it was answered with in the place of its own outcome, if it was. */
  readonly fallback?: FallenBack;
  /** On a call: what a cache did for it, where there is one. A copy that has to be sent begins with `bypass`. */
  readonly cache?: CacheUse | undefined;
  /** On a call: whether a filter of the mesh held it up before its first attempt. */
  readonly waited?: boolean;
  /** On a call that follows a redirect: when the first one began, whose time is its own as well. */
  readonly since?: number;
  /** On a call: whether it was not sent, but waited for the same one that was under way. */
  readonly shared?: boolean;
  /** Whether a filter made it beside another call, or in its place: no more are made for it. */
  readonly made?: boolean;
}
