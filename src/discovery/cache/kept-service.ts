import type { Timer } from '../../core/clock.ts';
import { jittered } from '../../core/random.ts';
import { repeat } from '../../core/repeat.ts';
import { FollowedService } from '../followed-service.ts';
import type { MembershipEvent, Timing } from '../membership.ts';
import type { Instance, KeptView, LastViews, RegistryScope, View } from '../registry.ts';
import { settledWithin } from '../settled-within.ts';

/** How often the stamp of a view is renewed that does not change. */
const STAMP_MS = 600_000;
const STAMP_JITTER = 0.2;
/** A disk that takes longer is as good as none. */
const RECALL_MS = 1_000;

/** What a kept service is given besides its scope. */
export interface KeptOptions {
  readonly lastViews: LastViews;
  /** Tells the registry from others that share the folder. */
  readonly registry: string;
  /** What the instances call the service themselves. */
  readonly announcedAs: string;
  readonly timing: Timing | undefined;
}

/**
 * A followed service whose last view is kept: saved while the registry vouches for it, and recalled when the registry is out of reach, or
 * slow to answer, before it has said anything. Until then its loss is not told, so that no call fails for want of what is on its way.
 */
export class KeptService extends FollowedService {
  readonly #scope: RegistryScope;
  readonly #options: KeptOptions;
  readonly #patience: Timer;
  readonly #stamps: Timer;
  #recall: 'ahead' | 'under way' | 'done' = 'ahead';
  /** The loss that is not told yet. */
  #loss: Extract<MembershipEvent, { kind: 'lost' }> | undefined;
  /** When what was recalled was saved, in milliseconds since 1970; `undefined` when nothing was. */
  #recalledOf: number | undefined;
  #saved: readonly Instance[] = [];

  constructor(service: string, scope: RegistryScope, options: KeptOptions) {
    super(service, scope, options.timing);
    this.#scope = scope;
    this.#options = options;
    const { clock, random } = scope;
    this.#patience = clock.background(options.lastViews.patienceMs, () => this.#startRecall());
    this.#stamps = repeat(
      clock,
      () => jittered(random, STAMP_MS, STAMP_JITTER),
      () => this.#save(this.view),
    );
    this.listen((view) => {
      if (!sameInstances(view.instances, this.#saved)) this.#save(view);
    });
  }

  override apply(event: MembershipEvent): void {
    if (event.kind === 'lost' && this.cursor === undefined) this.#lost(event);
    else super.apply(event);
    if (this.cursor !== undefined) this.#patience.cancel();
  }

  override close(): void {
    this.#patience.cancel();
    this.#stamps.cancel();
    super.close();
  }

  #lost(event: Extract<MembershipEvent, { kind: 'lost' }>): void {
    if (this.#recall === 'done') {
      super.apply({ kind: 'lost', reason: this.#reason(event.reason) });
      return;
    }
    this.#loss = event;
    this.#startRecall();
  }

  #startRecall(): void {
    if (this.#recall !== 'ahead') return;
    this.#recall = 'under way';
    this.#patience.cancel();
    void this.#doRecall();
  }

  async #doRecall(): Promise<void> {
    const { lastViews, registry, announcedAs } = this.#options;
    let kept: KeptView | undefined;
    const recall = lastViews.recall(registry, this.service, announcedAs).then((found) => {
      kept = found;
    });
    await settledWithin(this.#scope.clock, RECALL_MS, recall);
    this.#recall = 'done';
    if (kept !== undefined && kept.instances.length > 0) {
      this.#recalledOf = kept.savedAt;
      const reason = this.#reason(this.#loss?.reason ?? this.view.reason);
      super.apply({ kind: 'recalled', instances: kept.instances, ageMs: this.#ageMs(kept.savedAt), reason });
    } else if (this.#loss !== undefined && this.cursor === undefined) super.apply(this.#loss);
    this.#loss = undefined;
  }

  /** Only what the registry vouches for is stamped anew: a set of nothing but suspects keeps the stamp it had. */
  #save(view: View): void {
    const { state, instances, suspects, asOf } = view;
    const sure = instances.length === 0 ? this.#saved.length > 0 : suspects.size < instances.length;
    if (state !== 'current' || !sure) return;
    this.#saved = instances;
    const { clock } = this.#scope;
    const savedAt = clock.wall() - (clock.now() - asOf);
    this.#options.lastViews.save({ registry: this.#options.registry, service: this.service, savedAt, instances });
  }

  #reason(reason: string): string {
    if (this.#recalledOf === undefined) return reason;
    return `${reason}; from disk, ${inWords(this.#ageMs(this.#recalledOf))} old`;
  }

  /** Wall clocks may jump back. */
  #ageMs(savedAt: number): number {
    return Math.max(0, this.#scope.clock.wall() - savedAt);
  }
}

function sameInstances(a: readonly Instance[], b: readonly Instance[]): boolean {
  return a.length === b.length && a.every((instance, i) => instance === b[i]);
}

function inWords(ageMs: number): string {
  if (ageMs < 60_000) return `${Math.round(ageMs / 1_000)} s`;
  return ageMs < 7_200_000 ? `${Math.round(ageMs / 60_000)} min` : `${Math.round(ageMs / 3_600_000)} h`;
}
