import { p2c } from '../../src/balancer/p2c.ts';
import type { MakePicker } from '../../src/balancer/picker.ts';

/** How the clients of a simulation balance, and what else they do for a call. */
export interface Policy {
  readonly name: string;
  /** `central-queue`: no balancing at all, but one queue before all servers, which nobody can beat. */
  readonly picker: MakePicker | 'central-queue';
  /** Whether servers tell their load in each answer. */
  readonly reports?: boolean;
  /** Whether an endpoint is taken out of use by its failures, as by default. */
  readonly health?: boolean;
  /** Whether what failed is sent again, at most twice, within the default budget. */
  readonly retries?: boolean;
  /** Whether a call that takes longer than 95 % of the last ones is sent a second time, for at most 2 % of the calls. */
  readonly hedging?: boolean;
}

export const ORACLE: Policy = { name: 'oracle', picker: 'central-queue' };

export const POLICIES: readonly Policy[] = [{ name: 'p2c', picker: p2c }];
