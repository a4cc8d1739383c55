import { HttpClient } from '../http/http-client.ts';
import type { Answer, Question } from '../http/question.ts';
import type { RegistryScope } from '../registry.ts';
import type { ResolvedConsulOptions } from './options.ts';

/** A question to an agent. */
export interface AgentQuestion extends Omit<Question, 'accept'> {
  /** What the query says beyond datacenter and namespace, in order. */
  readonly query?: Readonly<Record<string, string>>;
}

/** Asks an agent of Consul, as who the options say. */
export class Agent {
  readonly #options: ResolvedConsulOptions;
  readonly #client: HttpClient;

  constructor(options: ResolvedConsulOptions, { clock }: Pick<RegistryScope, 'clock'>) {
    const { url, ca } = options;
    this.#options = options;
    this.#client = new HttpClient({
      origin: url,
      clock,
      access: async () => {
        const token = await this.#token();
        return { ca, headers: token === undefined ? {} : { 'x-consul-token': token } };
      },
    });
  }

  /** Rejects as `HttpClient.ask` does. */
  ask({ path, query = {}, ...question }: AgentQuestion): Promise<Answer> {
    const { namespace } = this.#options;
    const all = new URLSearchParams({ ...query, ...(namespace === undefined ? {} : { ns: namespace }) });
    return this.#client.ask({ ...question, path: all.size === 0 ? path : `${path}?${all}` });
  }

  async #token(): Promise<string | undefined> {
    const { token } = this.#options;
    return typeof token === 'function' ? token() : token;
  }
}
