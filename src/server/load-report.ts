import type { LoadMeter } from './load-meter.ts';

/**
 * What `mesh-load` says: `rif;svc`, requests in flight without the `answered` one that is just being answered and their mean time in milliseconds, and a third field for
 * the utilisation that the application knows of, if it does. `undefined` before the first request was served.
 */
export function loadReport(meter: LoadMeter, answered: number, utilisation: number | undefined): string | undefined {
  const { serviceMs } = meter;
  if (Number.isNaN(serviceMs)) return undefined;
  const report = `${Math.max(0, meter.inFlight - answered)};${hundredths(serviceMs)}`;
  return utilisation === undefined ? report : `${report};${hundredths(utilisation)}`;
}

function hundredths(value: number): number {
  return Math.round(value * 100) / 100;
}
