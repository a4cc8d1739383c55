import type { MakePicker } from '../../src/balancer/picker.ts';
import { PICKERS } from './pickers.ts';

/** How the clients of a simulation balance, and what else they do for a call. */
export interface Policy {
  /** `central-queue`: no balancing at all, but one queue before all servers. */
  readonly picker: MakePicker | 'central-queue';
  /** Servers tell their load in each answer. */
  readonly reports?: boolean;
  /** The same, and calls say how busy a server may be: one that is busier refuses them, at most twice. */
  readonly nack?: boolean;
  /** No endpoint is taken out of use by its failures. */
  readonly unjudged?: boolean;
  /** What failed is sent again, at most twice, within the default budget. */
  readonly retries?: boolean;
  /** A call that takes longer than 99 % of the last ones is sent a second time, for at most 2 % of the calls. */
  readonly hedging?: boolean;
  /** Servers of all zones are alike to a client. */
  readonly everywhere?: boolean;
}

const OPTIONS = ['reports', 'nack', 'unjudged', 'retries', 'hedging', 'everywhere'] as const;

/** The policy of a name: a picker or `oracle`, and options behind it, as in `recall+reports`. */
export function policyOf(name: string): Policy {
  const [picker = '', ...options] = name.split('+');
  const policy: { -readonly [Key in keyof Policy]: Policy[Key] } = { picker: pickerOf(picker) };
  for (const option of options) {
    const known = OPTIONS.find((one) => one === option);
    if (known === undefined) throw new Error(`there is no option '${option}'; there are ${OPTIONS.join(', ')}`);
    policy[known] = true;
  }
  return policy;
}

function pickerOf(name: string): Policy['picker'] {
  if (name === 'oracle') return 'central-queue';
  const picker = PICKERS.get(name);
  if (picker === undefined)
    throw new Error(`there is no picker '${name}'; there are ${[...PICKERS.keys()].join(', ')}`);
  return picker;
}
