import type { Instance, View } from '../registry.ts';

/** A part of a view that gets its share of the calls, however many instances it has. */
export interface Group {
  /** Above 0; the shares of all groups together are 1. */
  readonly share: number;
  readonly instances: readonly Instance[];
}

/** A view that is made of others. */
export interface CombinedView extends View {
  /** How calls are split; `undefined` when they are not, and all instances stand side by side. */
  readonly groups?: readonly Group[] | undefined;
}

/** What several views make together. */
export interface Combination extends Omit<CombinedView, 'revision'> {
  /** The part that `id` comes from and what it is called there, where that is not simply every part that lists it. */
  readonly origin?: ((id: string) => Origin | undefined) | undefined;
  /** What an instance of a part is called here, where that is not simply its id. */
  readonly shown?: ((origin: Origin) => string) | undefined;
}

export interface Origin {
  /** The index of the part. */
  readonly part: number;
  readonly id: string;
}

/** Makes one view of those of all parts. `patient`: a part that has not answered yet is still waited for. Pure. */
export type Combine = (views: readonly View[], patient: boolean) => Combination;

const NOBODY: Pick<View, 'instances' | 'suspects'> = { instances: [], suspects: new Set() };

/** Whether a part has somebody to call. One that is stale and has, knows them. */
export function knows(view: View): boolean {
  return view.instances.length > 0;
}

/** Whether a part is to be waited for. */
export function awaited(view: View, patient: boolean): boolean {
  return patient && view.state === 'pending' && !knows(view);
}

/**
 * How views stand together that decide on one: `current` when all are; else `stale` when somebody is known, because what is away might know
 * better. The reason names who is away.
 */
export function standing(
  names: readonly string[],
  views: readonly View[],
  known: boolean,
): Pick<View, 'state' | 'reason'> {
  const away = new Map<string, string[]>();
  let pending = false;
  views.forEach(({ state, reason }, i) => {
    if (state === 'current') return;
    pending ||= state === 'pending';
    away.set(reason, [...(away.get(reason) ?? []), names[i] ?? '']);
  });
  if (away.size === 0) return { state: 'current', reason: '' };
  const reason = [...away].map(([why, who]) => `${who.join(', ')}: ${why}`).join('; ');
  return { state: pending && !known ? 'pending' : 'stale', reason };
}

/** Nobody, as these views say or do not say yet. */
export function nobody(names: readonly string[], views: readonly View[]): Combination {
  const stand = standing(names, views, false);
  return { ...NOBODY, ...stand, asOf: stand.state === 'pending' ? Number.NaN : oldest(views) };
}

/** The earliest moment at which one of these was confirmed; NaN when none ever was. */
export function oldest(views: readonly View[]): number {
  let least = Number.NaN;
  for (const { asOf } of views) if (!(asOf >= least)) least = Number.isNaN(asOf) ? least : asOf;
  return least;
}
