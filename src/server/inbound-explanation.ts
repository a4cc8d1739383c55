import type { Setting } from '../core/setting.ts';
import type { Admission } from './limit/admission.ts';

/** What `mesh.inbound.explain` tells; `toString` puts it in words. What was refused so far is in `mesh.metrics()`. */
export interface InboundExplanation {
  readonly settings: readonly Setting[];
  /** Requests that are being served or wait, those behind no limit among them. */
  readonly inFlight: number;
  /** The requests that may be in flight, as it was found by now, and those that are, and that wait for it; `undefined` without a limit. */
  readonly limit: { readonly value: number; readonly inFlight: number; readonly waiting: number } | undefined;
  toString(): string;
}

export function explainInbound(
  settings: readonly Setting[],
  inFlight: number,
  admission: Admission | undefined,
): InboundExplanation {
  const limit = admission && {
    value: admission.limit,
    inFlight: admission.inFlight,
    waiting: admission.waiting,
  };
  const limited =
    limit === undefined ? 'no limit' : `${limit.inFlight} of at most ${limit.value}, ${limit.waiting} waiting`;
  const words = [
    `inbound: ${inFlight} requests; ${limited}`,
    ...settings.map(({ name, value, from }) => `  ${name} = ${value} (${from})`),
  ].join('\n');
  return { settings, inFlight, limit, toString: () => words };
}
