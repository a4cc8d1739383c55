import type { FilterFaults } from '../../core/filter-faults.ts';
import type { Verdict } from '../../core/verdict.ts';
import type { SendOptions, SendOutcome } from './send-options.ts';

const MEANINGS: ReadonlySet<unknown> = new Set<Verdict | 'nack'>([
  'success',
  'failure',
  'retryable',
  'ignorable',
  'nack',
]);

/** What the functions of the options say of a request and of its outcome. One that throws, or gives what it must not, says nothing. */
export interface Asking<Req, Res> {
  operation(request: Req): string;
  idempotent(request: Req): boolean;
  classify(outcome: SendOutcome<Res>): Verdict | 'nack' | undefined;
  discard(response: Res): void;
}

type Asked<Req, Res> = Pick<SendOptions<Req, Res>, 'operation' | 'idempotent' | 'classify' | 'discard'>;

export function asking<Req, Res>(
  { operation, idempotent, classify, discard }: Asked<Req, Res>,
  faultsOf: (name: string) => FilterFaults,
): Asking<Req, Res> {
  return {
    operation: asked(operation, faultsOf('operation'), 'call', (said) => typeof said === 'string' && said !== ''),
    idempotent: asked(idempotent, faultsOf('idempotent'), false, (said) => typeof said === 'boolean'),
    classify: asked(classify, faultsOf('classify'), undefined, (said) => said === undefined || MEANINGS.has(said)),
    discard: asked(discard, faultsOf('discard'), undefined, () => true),
  };
}

function asked<Given, Said, Otherwise>(
  ask: ((given: Given) => Said) | undefined,
  faults: FilterFaults,
  otherwise: Otherwise,
  fits: (said: unknown) => boolean,
): (given: Given) => Said | Otherwise {
  if (ask === undefined) return () => otherwise;
  return (given) => {
    try {
      const said = ask(given);
      if (fits(said)) return said;
      faults.report('hook', new TypeError(`it gave ${typeof said === 'string' ? `'${said}'` : typeof said}`));
    } catch (error) {
      faults.report('hook', error);
    }
    return otherwise;
  };
}
