import type { Events } from '../core/events.ts';
import type { Metrics } from '../core/metrics.ts';
import type { NameOverride } from '../core/name-override.ts';
import { overrideOf, parseOverride } from '../discovery/delegation/override.ts';

interface InboundNamesParts {
  /** What the application lets pass; `undefined` for nothing. */
  readonly allowed: ((from: string, to: string) => boolean) | undefined;
  readonly events: Events;
  readonly metrics: Metrics;
}

/** Reads `mesh-names` of a request: the names that its sender put in the place of others, as far as they count here. Never throws. */
export type InboundNames = (header: string) => NameOverride | undefined;

/**
 * Believes of `mesh-names` what the application allows. What cannot be read is ignored whole, a name that is not allowed is ignored for
 * itself, and neither travels on: whoever stands at the border of the mesh keeps strangers from choosing whom it calls. Both are counted in
 * `name_overrides_ignored` by reason.
 */
export function createInboundNames({ allowed, events, metrics }: InboundNamesParts): InboundNames {
  const malformed = metrics.counter('name_overrides_ignored', { reason: 'malformed' });
  const refused = metrics.counter('name_overrides_ignored', { reason: 'refused' });
  const passes = (from: string, to: string): boolean => {
    try {
      return allowed?.(from, to) === true;
    } catch (error) {
      events.emit('fault', { source: 'nameOverrides', error });
      return false;
    }
  };
  return (header) => {
    const asked = parseOverride(header);
    if (asked === undefined) {
      malformed.add();
      return undefined;
    }
    const names = new Map([...asked].filter(([from, to]) => passes(from, to)));
    if (names.size < asked.size) refused.add();
    return names.size === 0 ? undefined : overrideOf(names);
  };
}
