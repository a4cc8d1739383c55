import { table } from '../figures.ts';
import type { Cost } from './cost.ts';
import { type Outcomes, type Standing, standings } from './outcome.ts';

/** `recall`, by what servers do for it. */
const POLICIES: readonly string[] = ['recall', 'recall+reports', 'recall+nack'];

/** What is promised of `recall`, beside what was found. Only what was run is told. */
export function aims(groups: ReadonlyMap<string, Outcomes>, costs: readonly Cost[] = []): string {
  const rows: string[][] = [];
  const add = (
    name: string,
    value: number | undefined,
    shown: (value: number) => string,
    bound: string,
    kept: (value: number) => boolean,
  ) => {
    if (value === undefined || Number.isNaN(value)) return;
    rows.push([name, shown(value), bound, kept(value) ? '' : 'missed']);
  };
  const atMost = (name: string, value: number | undefined, most: number) =>
    add(
      name,
      value,
      (one) => one.toFixed(2),
      `≤ ${most.toFixed(2)}`,
      (one) => one <= most,
    );
  const atLeast = (name: string, value: number | undefined, least: number) =>
    add(name, value, percent, `≥ ${least} %`, (one) => one >= least);

  const named = groups.get('latency');
  if (named !== undefined) {
    const of = standingOf(named);
    atMost('recall, p99 ÷ oracle', of('recall')?.p99, 1.45);
    atMost('recall+reports, p99 ÷ oracle', of('recall+reports')?.p99, 1.45);
    atMost('recall+nack, p99 ÷ oracle', of('recall+nack')?.p99, 1.3);
    for (const policy of POLICIES)
      atMost(`${policy}, worst p99 ÷ oracle (${of(policy)?.worstIn ?? ''})`, of(policy)?.worst, 4);
  }
  for (const group of ['latency', 'ladder', 'unseen']) {
    const outcomes = groups.get(group);
    if (outcomes === undefined) continue;
    const of = standingOf(outcomes);
    const others = standings(outcomes).filter(({ policy }) => !POLICIES.includes(policy));
    for (const policy of POLICIES)
      atMost(`${group}: ${policy}, p99 ÷ that of the best other picker`, ratio(of(policy)?.p99, best(others)), 1);
  }
  const ladder = groups.get('ladder');
  for (const policy of POLICIES) {
    const p99 = (clients: number) => ladder?.get(`clients-${clients}`)?.get(policy)?.p99;
    atMost(`ladder: ${policy}, p99 of 1,000 ÷ of 10 clients`, ratio(p99(1_000), p99(10)), 1.45);
  }
  const success = (group: string, scenario: string, policy: string) =>
    groups.get(group)?.get(scenario)?.get(policy)?.success;
  atLeast('published experiment, success', success('published', 'published', 'recall'), 99.93);
  atLeast('the same with hedging', success('published', 'published', 'recall+hedging'), 99.99);
  atLeast('one of ten fails in 1 ms, success', success('success', 'black-hole', 'recall'), 99.9);
  atLeast('the same with retries', success('success', 'black-hole', 'recall+retries'), 100);
  for (const { name, value, most } of costs)
    add(
      name,
      value,
      (one) => one.toFixed(0),
      `≤ ${most.toLocaleString('en')}`,
      (one) => one <= most,
    );
  return table(['', 'found', 'aim', ''], rows);
}

/** Rounded down: what is not whole, or below its bound, must not look as if it were not. The millionth is for what binary fractions cannot say. */
function percent(value: number): string {
  return (Math.floor(value * 1_000 + 1e-6) / 1_000).toFixed(3);
}

function standingOf(outcomes: Outcomes): (policy: string) => Standing | undefined {
  const all = standings(outcomes);
  return (policy) => all.find((one) => one.policy === policy);
}

function best(all: readonly Standing[]): number | undefined {
  return all.length === 0 ? undefined : Math.min(...all.map(({ p99 }) => p99));
}

function ratio(above: number | undefined, below: number | undefined): number | undefined {
  return above === undefined || below === undefined ? undefined : above / below;
}
