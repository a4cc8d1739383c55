import { finite, options as known } from '../core/check.ts';

/** When an attempt that takes long is sent to a second endpoint as well. Each is checked when the mesh is made. */
export interface HedgeOptions {
  /** The share of calls that are answered before a second attempt is due. 0.5 to 0.999. @default 0.99 */
  readonly quantile?: number | undefined;
  /** Second attempts allowed per call made to the service in the last 10 s. 0.001 to 0.1. @default 0.02 */
  readonly budgetRatio?: number | undefined;
}

export interface ResolvedHedge {
  readonly quantile: number;
  readonly budgetRatio: number;
}

export function resolveHedge(name: string, options: HedgeOptions): ResolvedHedge {
  known(name, options, ['quantile', 'budgetRatio']);
  const { quantile = 0.99, budgetRatio = 0.02 } = options;
  return {
    quantile: finite(`${name}.quantile`, quantile, { min: 0.5, max: 0.999 }),
    budgetRatio: finite(`${name}.budgetRatio`, budgetRatio, { min: 0.001, max: 0.1 }),
  };
}
