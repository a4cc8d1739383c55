import type { Binding } from '../core/binding.ts';
import type { Filter } from '../core/filter.ts';
import { fallback } from '../filters/fallback.ts';
import { functionAnswering } from '../filters/fallback-function.ts';
import { httpAnswering } from '../filters/fallback-http.ts';
import { DEFAULT_LIMIT_MS } from '../filters/fallback-options.ts';
import type { FallbackParts } from '../filters/fallback-sources.ts';
import type { ResolvedService } from './settings.ts';
import type { Target } from './target.ts';

/**
 * The settings of a service as a client can follow them: without HTTP, what is about HTTP is left out. It is meant for the other clients of the
 * service, which a function must not be refused for.
 */
export function settingsFor<Req, Res>({ http }: Binding<Req, Res>, settings: ResolvedService): ResolvedService {
  if (http !== undefined) return settings;
  const { fault } = settings;
  const noStatus = fault !== false && typeof fault.abort === 'number' ? { ...fault, abort: false as const } : fault;
  return {
    ...settings,
    cache: false,
    singleFlight: false,
    fault: noStatus !== false && noStatus.delayMs === false && noStatus.abort === false ? false : noStatus,
  };
}

/** The fallback of a client, if it has one. The answers of the settings are responses of HTTP; a function has its own. */
export function fallbackFor<Req, Res>(
  { settings, stale }: Pick<Target, 'settings' | 'stale'>,
  parts: FallbackParts<Req, Res>,
): Filter<Req, Res> | undefined {
  const { binding } = parts;
  const { http, answer } = binding;
  const { fallback: given } = settings;
  if (http !== undefined)
    return given === false ? undefined : fallback(given.service, httpAnswering(given, { binding, http, stale }), parts);
  const service = given !== false && given.service;
  if (service === false && answer === undefined) return undefined;
  const limitMs = answer?.limitMs ?? (given === false ? DEFAULT_LIMIT_MS : given.limitMs);
  return fallback(service, functionAnswering(answer, limitMs), parts);
}
