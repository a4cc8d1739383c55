import type { LoadReport } from '../balancer/load-report.ts';

/** Longer than any server of the mesh writes it. */
const LONGEST = 64;
const MOST = 1_000_000;

/**
 * What a `mesh-load` header says: `rif;svc` or `rif;svc;utilisation`, in plain decimals of at most 1,000,000; further fields are for versions to come.
 * `undefined` for what is none. Read by hand: it comes with every response.
 */
export function parseMeshLoad(text: string): LoadReport | undefined {
  if (text.length > LONGEST) return undefined;
  const first = text.indexOf(';');
  const second = text.indexOf(';', first + 1);
  const rif = decimal(text, 0, first);
  const serviceMs = decimal(text, first + 1, second < 0 ? text.length : second);
  if (first < 0 || !(rif <= MOST) || !(serviceMs <= MOST)) return undefined;
  if (second < 0) return { rif, serviceMs };
  const third = text.indexOf(';', second + 1);
  const utilisation = decimal(text, second + 1, third < 0 ? text.length : third);
  return utilisation <= MOST ? { rif, serviceMs, utilisation } : undefined;
}

/** The number that is written in plain digits, perhaps with a point among them, from `from` up to `to`; NaN for everything else. */
function decimal(text: string, from: number, to: number): number {
  let value = 0;
  let unit = 0;
  for (let i = from; i < to; i++) {
    const code = text.charCodeAt(i);
    if (code === 46 && unit === 0 && i > from && i + 1 < to) {
      unit = 1;
    } else if (code >= 48 && code <= 57) {
      value = value * 10 + code - 48;
      unit *= 10;
    } else {
      return Number.NaN;
    }
  }
  if (to <= from) return Number.NaN;
  return unit === 0 ? value : value / unit;
}
