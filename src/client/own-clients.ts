import type { Setting } from '../core/setting.ts';
import { resolveService, type ServiceOptions, settingsOf } from './settings.ts';
import type { Target } from './target.ts';

/** One client of a service that has something of its own. */
export interface OwnClient {
  /** Such as `client('players')` or `service('players')`; several may be called the same. */
  readonly of: string;
  readonly settings: readonly Setting[];
  /** What it calls, once for each time that it was made; none where that is the target of everybody. */
  readonly targets: readonly Target[];
  /** Of a function, which speaks no HTTP: whether it answers failed calls. `undefined` for a client. */
  readonly answers: boolean | undefined;
}

interface Made {
  readonly of: string;
  readonly service: string;
  /** `undefined` for that of everybody. */
  readonly target: Target | undefined;
  /** What it was given that is about the service. */
  readonly options?: ServiceOptions | undefined;
  /** What it was given beside that, by name. */
  readonly told?: Readonly<Record<string, Setting['value']>>;
  readonly answers?: boolean;
}

/** Remembers the clients of services that have something of their own, for `explain`. */
export class OwnClients {
  /** By what they say, so that a client made again and again is kept once. */
  readonly #all = new Map<string, OwnClient & { readonly service: string; readonly targets: Target[] }>();

  add({ of, service, target, options, told = {}, answers }: Made): void {
    const settings = [
      ...(options === undefined ? [] : said(of, options)),
      ...Object.entries(told).map(([name, value]) => ({ name, value, from: of })),
    ];
    if (settings.length === 0 && target === undefined) return;
    const key = JSON.stringify([of, target !== undefined, settings]);
    const known = this.#all.get(key) ?? { of, service, settings, targets: [], answers };
    if (target !== undefined) known.targets.push(target);
    this.#all.set(key, known);
  }

  of(service: string): readonly OwnClient[] {
    return [...this.#all.values()].filter((one) => one.service === service);
  }

  /** Lets go of what they call, which lives as long as the mesh. */
  close(): void {
    this.#all.clear();
  }
}

/** Those that `options` say, and not those that follow from them by default. */
function said(of: string, options: ServiceOptions): readonly Setting[] {
  const layers = [{ from: of, options }];
  return settingsOf(resolveService(of, layers), layers).filter(({ from }) => from === of);
}
