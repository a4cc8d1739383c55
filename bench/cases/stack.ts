import { assembler } from '../../src/client/assemble.ts';
import { startCall } from '../../src/client/start-call.ts';
import { Context } from '../../src/core/context.ts';
import { type MakeCase, sequential } from './case.ts';
import { partsFor, stub } from './parts.ts';

/** A call of the stub and nothing else: what of the next case is not the stack. */
export const bareStub: MakeCase = () => {
  const { parts, target } = partsFor('players', 3);
  return sequential(() => stub.send('GET', new Context(target.service, stub.describe('GET'), parts.clock.now())));
};

/** The stacks that every client is built on, with every layer that is on by default, around a stub in place of a connection. */
export const defaultStack: MakeCase = () => {
  const { parts, target } = partsFor('players', 3);
  const service = assembler(() => stub, parts)(target);
  return sequential(() => service('GET', startCall(parts, target, stub, 'GET')));
};
