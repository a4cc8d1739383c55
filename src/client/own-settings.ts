import type { Setting } from '../core/setting.ts';
import { resolveService, type ServiceOptions, settingsOf } from './settings.ts';

/** What one client of a service was given on top of the settings of the service. */
export interface ExplainedClient {
  /** Such as `client('players')` or `service('players')`; several may be called the same. */
  readonly of: string;
  readonly settings: readonly Setting[];
}

/** Remembers what the clients of services were given themselves, for `explain`. */
export class OwnSettings {
  /** By what they say, so that a client made again and again is kept once. */
  readonly #all = new Map<string, ExplainedClient & { readonly service: string }>();

  /** `options` are about the service, `others` about the client alone. */
  add(
    of: string,
    service: string,
    options: ServiceOptions | undefined,
    others: Readonly<Record<string, Setting['value']>> = {},
  ): void {
    const settings = [
      ...(options === undefined ? [] : said(of, options)),
      ...Object.entries(others).map(([name, value]) => ({ name, value, from: of })),
    ];
    if (settings.length > 0) this.#all.set(JSON.stringify([service, settings]), { of, service, settings });
  }

  of(service: string): readonly ExplainedClient[] {
    return [...this.#all.values()]
      .filter((one) => one.service === service)
      .map(({ of, settings }) => ({ of, settings }));
  }
}

/** Those that `options` say, and not those that follow from them by default. */
function said(of: string, options: ServiceOptions): readonly Setting[] {
  const layers = [{ from: of, options }];
  return settingsOf(resolveService(of, layers), layers).filter(({ from }) => from === of);
}
