import { jittered } from '../../core/random.ts';
import type { FollowedService } from '../followed-service.ts';
import { itemsOf } from '../http/fields-of.ts';
import { PermanentError } from '../http/http-error.ts';
import { Pace } from '../http/pace.ts';
import type { Answer } from '../http/question.ts';
import { Rounds } from '../http/rounds.ts';
import type { Reach } from '../reach.ts';
import type { Instance, RegistryScope } from '../registry.ts';
import type { Rejections } from '../rejections.ts';
import type { Agent } from './agent.ts';
import { readHealthEntry } from './health-entry.ts';
import type { ResolvedConsulOptions } from './options.ts';

/** What a reader of the health endpoint is given. */
export interface HealthReaderOptions {
  readonly agent: Agent;
  readonly consul: ResolvedConsulOptions;
  readonly reach: Reach;
  readonly rejections: Rejections;
  readonly scope: RegistryScope;
}

const ANSWER_MS = 10_000;
/** How long the agent is asked to wait for a change. It may add a sixteenth, so that not all come back at once. */
const WAIT_MS = 60_000;
const WAIT_JITTER = 0.1;
const WAIT_MORE = 1 / 16;
/** In the long run no more questions than one per this; but a few changes in a row are heard as they come. */
const PACE_MS = 500;
const PACE_BURST = 5;

/**
 * Follows the health of one service by blocking queries: the agent answers when something has changed after the index that it is told, or
 * when the time is up.
 *
 * The index is told only while it grows: a smaller one means that the agent's servers began anew, and then it is asked without. After a
 * failure too, since an agent that is back would else answer only at the next change.
 */
export class HealthReader {
  readonly #followed: FollowedService;
  readonly #options: HealthReaderOptions;
  readonly #part: string;
  readonly #rounds: Rounds;
  readonly #pace = new Pace(PACE_MS, PACE_BURST);
  /** The index of the last answer; 0 when the next one must come at once. */
  #index = 0;

  constructor(followed: FollowedService, options: HealthReaderOptions) {
    this.#followed = followed;
    this.#options = options;
    this.#part = `health of ${followed.service}`;
    this.#rounds = new Rounds({
      round: (signal) => this.#round(signal),
      failed: (reason, permanent) => {
        this.#index = 0;
        followed.apply({ kind: 'lost', reason });
        options.reach.lost(this.#part, reason, permanent);
      },
      scope: options.scope,
    });
  }

  close(): void {
    this.#rounds.close();
    this.#options.reach.forget(this.#part);
  }

  async #round(signal: AbortSignal): Promise<number> {
    const { agent, scope } = this.#options;
    const before = this.#index;
    const waitMs = Math.round(jittered(scope.random, WAIT_MS, WAIT_JITTER));
    const answer = await agent.ask({
      path: `/v1/health/service/${encodeURIComponent(this.#followed.service)}`,
      query: { ...this.#where(), ...(before === 0 ? {} : { index: String(before), wait: `${waitMs}ms` }) },
      timeoutMs: ANSWER_MS + (before === 0 ? 0 : waitMs * (1 + WAIT_MORE)),
      signal,
    });
    const index = indexOf(answer);
    // 1 may stand for an index that was not given, and says nothing then.
    if (before > 1 && index === before) this.#followed.apply({ kind: 'confirmed' });
    else this.#found(answer, index);
    this.#rounds.succeeded();
    this.#options.reach.back(this.#part);
    this.#index = index < before ? 0 : index;
    return this.#pace.waitMs(scope.clock.now());
  }

  #found({ headers, body }: Answer, index: number): void {
    if (!Array.isArray(body)) throw new Error('it sent something that is no list');
    // An agent says nothing of what the token may not see; an empty list would be no answer then.
    if (body.length === 0 && headers['x-consul-results-filtered-by-acls'] === 'true')
      throw new PermanentError('the token may not read the service');
    const { rejections, consul, scope } = this.#options;
    const { service } = this.#followed;
    const context = { service, protocol: consul.protocol, addresses: scope.addresses };
    const instances: Instance[] = [];
    for (const item of itemsOf(body)) {
      const entry = readHealthEntry(item, context);
      if (entry === undefined) continue;
      const { id, parsed } = entry;
      if ('refused' in parsed) rejections.add(service, id, parsed.refused);
      else instances.push(parsed.instance);
    }
    // An index that is smaller than before is to the membership what it is: the registry was reset.
    this.#followed.apply({ kind: 'snapshot', at: { epoch: 'consul', revision: index }, instances });
  }

  #where(): Readonly<Record<string, string>> {
    const { datacenter, consistency, tags } = this.#options.consul;
    return {
      ...(datacenter === undefined ? {} : { dc: datacenter }),
      ...(consistency === 'default' ? {} : { [consistency]: '' }),
      ...(tags.length === 0 ? {} : { filter: tags.map((tag) => `"${tag}" in Service.Tags`).join(' and ') }),
    };
  }
}

/** The index of an answer. One that is missing, or 0, is a mistake of the agent, and 1 is always right. */
function indexOf({ headers }: Answer): number {
  const index = Number(headers['x-consul-index']);
  return Number.isSafeInteger(index) && index > 0 ? index : 1;
}
