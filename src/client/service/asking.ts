import type { FilterFaults } from '../../core/filter-faults.ts';
import type { Verdict } from '../../core/verdict.ts';
import type { SendHooks, SendOutcome } from './send-options.ts';

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
  header(request: Req, name: string): string | undefined;
  /** `undefined` when nobody can be asked. */
  readonly responseHeader: ((response: Res, name: string) => string | undefined) | undefined;
  classify(outcome: SendOutcome<Res>): Verdict | 'nack' | undefined;
  discard(response: Res): void;
}

export function asking<Req, Res>(
  { operation, idempotent, header, responseHeader, classify, discard }: SendHooks<Req, Res>,
  faultsOf: (name: string) => FilterFaults,
): Asking<Req, Res> {
  const text = (said: unknown) => said === undefined || typeof said === 'string';
  return {
    operation: asked(operation, faultsOf('operation'), 'call', (said) => typeof said === 'string' && said !== ''),
    idempotent: asked(idempotent, faultsOf('idempotent'), false, (said) => typeof said === 'boolean'),
    header: asked(header, faultsOf('header'), undefined, text),
    responseHeader: responseHeader && asked(responseHeader, faultsOf('responseHeader'), undefined, text),
    classify: asked(classify, faultsOf('classify'), undefined, (said) => said === undefined || MEANINGS.has(said)),
    discard: asked(discard, faultsOf('discard'), undefined, () => true),
  };
}

function asked<Given extends readonly unknown[], Said, Otherwise>(
  ask: ((...given: Given) => Said) | undefined,
  faults: FilterFaults,
  otherwise: Otherwise,
  fits: (said: unknown) => boolean,
): (...given: Given) => Said | Otherwise {
  if (ask === undefined) return () => otherwise;
  return (...given) => {
    try {
      const said = ask(...given);
      if (fits(said)) return said;
      faults.report('hook', new TypeError(`it gave ${typeof said === 'string' ? `'${said}'` : typeof said}`));
    } catch (error) {
      faults.report('hook', error);
    }
    return otherwise;
  };
}
