import type { Setting } from '../../core/setting.ts';
import type { InboundOptions, ResolvedInbound } from './limit-options.ts';

/** All settings of the inbound side, each with whether the application said so, for `explain`. */
export function inboundSettings(resolved: ResolvedInbound, given: InboundOptions = {}): readonly Setting[] {
  const { limit, rate } = resolved;
  const settings: Setting[] = [];
  const from = (value: unknown) => (value === undefined ? 'default' : 'inbound');
  const add = (prefix: string, values: object, said: object | false | undefined) => {
    for (const [name, value] of Object.entries(values)) {
      const own = Object.entries(said || {}).find(([key]) => key === name)?.[1];
      if (typeof value === 'object') add(`${prefix}.${name}`, value, own);
      else settings.push({ name: `${prefix}.${name}`, value, from: from(own) });
    }
  };
  if (limit === false) settings.push({ name: 'limit', value: false, from: from(given.limit) });
  else add('limit', limit, given.limit);
  if (rate === false) settings.push({ name: 'rate', value: false, from: from(given.rate) });
  else add('rate', rate, given.rate);
  const exempt = given.exempt === undefined ? 'health checks and metrics, by their path' : 'a function';
  return [...settings, { name: 'exempt', value: exempt, from: from(given.exempt) }];
}
