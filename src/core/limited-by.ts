/**
 * Whose time a call has: what the `service` is given by its settings, what `redirects` within the service left of that, what is left of the `request` that the
 * call is made for, or what its `caller` gave it. Only the first two say something of the service when they run out, and only the first of an instance.
 */
export type LimitedBy = 'service' | 'redirects' | 'request' | 'caller';
