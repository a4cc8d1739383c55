import { ConfigError } from '../../core/errors.ts';
import type { DnsRegistryOptions } from './options.ts';

/**
 * The options in a URL such as `dns:prod.svc.cluster.local?port=8080`; `undefined` when it is none. They are as they were written: whoever
 * uses them checks them. Throws a `ConfigError` for an option that is there twice; `name` is what the URL is called in errors.
 */
export function parseDnsUrl(name: string, url: string): DnsRegistryOptions | undefined {
  const parts = /^dns:([^/?#]+)(?:\?([^#]*))?$/.exec(url);
  if (parts === null) return undefined;
  // Without a prototype, `__proto__` is an option like any other, and refused.
  const options: Record<string, unknown> = Object.assign(Object.create(null), { domain: parts[1] });
  for (const [option, text] of new URLSearchParams(parts[2])) {
    if (Object.hasOwn(options, option)) throw new ConfigError(`${name} has the option '${option}' twice`);
    options[option] = parsed(option, text);
  }
  return options as unknown as DnsRegistryOptions; // every field is checked by who asked
}

function parsed(option: string, text: string): unknown {
  if (option === 'servers') return text.split(',');
  return /^\d+$/.test(text) && option !== 'srv' ? Number(text) : text;
}
