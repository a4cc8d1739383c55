import type { Endpoint } from '../core/endpoint.ts';

/** Some of the endpoints of a service, preferred to those that it leaves out. */
export interface Preference {
  /** For `explain`, such as `zone=eu-1a`. */
  readonly name: string;
  /** Among the figures, where it is the same for all who prefer so: `zone`. */
  readonly place: string;
  readonly matches: (endpoint: Pick<Endpoint, 'attributes'>) => boolean;
}

/** Those of the zone of this process, then those of its region, as far as it says where it is. */
export function nearest({ zone, region }: Readonly<Record<string, string | undefined>>): readonly Preference[] {
  const nearby: Preference[] = [];
  if (zone !== undefined)
    nearby.push({
      name: `zone=${zone}`,
      place: 'zone',
      // Two regions may use one name for their zones; whoever says no region is believed to mean the same.
      matches: ({ attributes }) =>
        attributes['zone'] === zone && (region === undefined || (attributes['region'] ?? region) === region),
    });
  if (region !== undefined)
    nearby.push({
      name: `region=${region}`,
      place: 'region',
      matches: ({ attributes }) => attributes['region'] === region,
    });
  return nearby;
}

const LAST_PRIORITY = 127;

/** The failover group of an endpoint: 0, which is used first, unless its attribute `priority` is a whole number up to 127. */
export function priorityOf({ attributes }: Pick<Endpoint, 'attributes'>): number {
  const said = attributes['priority'];
  return said === undefined ? 0 : (priorityIn(said) ?? 0);
}

/** Why the priority that an endpoint says is not heeded; `undefined` when it is, or says none. */
export function badPriority({ attributes }: Pick<Endpoint, 'attributes'>): string | undefined {
  const said = attributes['priority'];
  if (said === undefined || priorityIn(said) !== undefined) return undefined;
  return `the priority '${said}' is no whole number from 0 to ${LAST_PRIORITY}: it counts as 0`;
}

function priorityIn(said: string): number | undefined {
  if (!/^\d{1,3}$/.test(said)) return undefined;
  const priority = Number(said);
  return priority <= LAST_PRIORITY ? priority : undefined;
}
