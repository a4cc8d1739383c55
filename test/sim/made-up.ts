import { type Outcome, type Outcomes, outcomesOf } from '../../bench/sim/outcome.ts';
import { policyOf } from '../../bench/sim/policy.ts';
import type { Scenario } from '../../bench/sim/scenario.ts';
import { type Result, simulate } from '../../bench/sim/simulate.ts';

/** A scenario that is over in a moment. */
export const scenario = (name: string, fields: Partial<Scenario> = {}): Scenario => ({
  name,
  about: `what ${name} is about`,
  clients: 1,
  servers: 2,
  workers: 1,
  discipline: 'fifo',
  work: { kind: 'exponential', meanMs: 10 },
  offered: { load: 0.5 },
  oneWayMs: 0.3,
  deadlineMs: 2_000,
  durationMs: 100,
  warmUpMs: 0,
  ...fields,
});

// For the figures that a test says nothing of.
const real = simulate(scenario('real'), policyOf('oracle'), 1);

/** A result with these figures. */
export const result = (fields: Partial<Result>): Result => ({ ...real, ...fields });

/** Outcomes by scenario and policy, with these figures. */
export function outcomes(byScenario: Readonly<Record<string, Readonly<Record<string, Partial<Outcome>>>>>): Outcomes {
  const [any] = [...outcomesOf([{ scenario: scenario('any'), policy: 'any', seed: 1 }], [real]).values()];
  const whole = any?.get('any');
  if (whole === undefined) throw new Error('there is one');
  return new Map(
    Object.entries(byScenario).map(([name, byPolicy]) => [
      name,
      new Map(Object.entries(byPolicy).map(([policy, fields]) => [policy, { ...whole, ...fields }])),
    ]),
  );
}
