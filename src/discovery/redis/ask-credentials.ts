import type { RegistryScope } from '../registry.ts';
import type { RedisCredentials } from './options.ts';

/** Whom to ask for user and password, and whom to tell when the answer stays away. */
export interface Asking {
  readonly credentials: () => RedisCredentials | Promise<RedisCredentials>;
  /** The registry, for people. */
  readonly name: string;
  readonly scope: Pick<RegistryScope, 'clock' | 'events'>;
}

const ANSWER_MS = 2_000;

/**
 * Asks each time it is called: `answered` has run when the promise resolves, unless there was no answer in time. Never rejects; a failure is
 * told once until an answer comes.
 */
export function credentialsAsker(
  { credentials, name, scope }: Asking,
  answered: (answer: RedisCredentials) => void,
): () => Promise<void> {
  let failed = false;
  const failure = (error: unknown) => {
    if (!failed) scope.events.emit('fault', { source: `credentials of '${name}'`, error });
    failed = true;
  };
  return () =>
    new Promise((resolve) => {
      const timer = scope.clock.background(ANSWER_MS, () => {
        failure(new Error(`no credentials within ${ANSWER_MS} ms`));
        resolve();
      });
      Promise.resolve()
        .then(credentials)
        .then((answer: Partial<RedisCredentials> | undefined) => {
          if (typeof answer?.password !== 'string') throw new TypeError('credentials have no password');
          failed = false;
          answered({ username: answer.username, password: answer.password });
        })
        .catch(failure)
        .finally(() => {
          timer.cancel();
          resolve();
        });
    });
}
