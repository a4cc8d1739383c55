import { table } from '../figures.ts';
import { type Outcomes, type Standing, standings } from './outcome.ts';

/** What is promised of `recall`, beside what was found. Only what was run is told. */
export function aims(groups: ReadonlyMap<string, Outcomes>): string {
  const rows: string[][] = [];
  const add = (
    name: string,
    value: number | undefined,
    digits: number,
    bound: string,
    kept: (value: number) => boolean,
  ) => {
    if (value === undefined || Number.isNaN(value)) return;
    rows.push([name, value.toFixed(digits), bound, kept(value) ? '' : 'missed']);
  };
  const atMost = (name: string, value: number | undefined, most: number) =>
    add(name, value, 2, `≤ ${most.toFixed(2)}`, (one) => one <= most);
  const atLeast = (name: string, value: number | undefined, least: number) =>
    add(name, value, 3, `≥ ${least} %`, (one) => one >= least);

  for (const group of ['latency', 'random']) {
    const outcomes = groups.get(group);
    if (outcomes === undefined) continue;
    const all = standings(outcomes);
    const of = (policy: string): Standing | undefined => all.find((one) => one.policy === policy);
    const others = all.filter(({ policy }) => !policy.startsWith('recall'));
    atMost(`${group}: recall, p99 ÷ oracle`, of('recall')?.p99, 1.45);
    atMost(`${group}: recall+reports, p99 ÷ oracle`, of('recall+reports')?.p99, 1.45);
    atMost(`${group}: recall+nack, p99 ÷ oracle`, of('recall+nack')?.p99, 1.3);
    atMost(`${group}: recall, p99 ÷ that of the best other picker`, ratio(of('recall')?.p99, best(others)), 1);
    for (const policy of ['recall', 'recall+reports', 'recall+nack'])
      atMost(`${group}: ${policy}, worst p99 ÷ oracle (${of(policy)?.worstIn ?? ''})`, of(policy)?.worst, 4);
  }
  const ladder = groups.get('ladder');
  for (const policy of ['recall', 'recall+reports', 'recall+nack']) {
    const p99 = (clients: number) => ladder?.get(`clients-${clients}`)?.get(policy)?.p99;
    atMost(`ladder: ${policy}, p99 of 1,000 ÷ of 10 clients`, ratio(p99(1_000), p99(10)), 1.45);
  }
  const success = (group: string, scenario: string, policy: string) =>
    groups.get(group)?.get(scenario)?.get(policy)?.success;
  atLeast('published experiment, success', success('published', 'published', 'recall'), 99.93);
  atLeast('the same with hedging', success('published', 'published', 'recall+hedging'), 99.99);
  atLeast('one of ten fails in 1 ms, success', success('success', 'black-hole', 'recall'), 99.9);
  atLeast('the same with retries', success('success', 'black-hole', 'recall+retries'), 100);
  return table(['', 'found', 'aim', ''], rows);
}

function best(all: readonly Standing[]): number | undefined {
  return all.length === 0 ? undefined : Math.min(...all.map(({ p99 }) => p99));
}

function ratio(above: number | undefined, below: number | undefined): number | undefined {
  return above === undefined || below === undefined ? undefined : above / below;
}
