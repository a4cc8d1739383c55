import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from '../worker.ts';
import type { Connections, CrowdOrder, Move } from './orders.ts';

/** Registries in several processes, which do the same things at the same time. */
export class Crowd {
  readonly #workers: readonly Worker[];

  private constructor(workers: readonly Worker[]) {
    this.#workers = workers;
  }

  /** So many processes of so many registries each, all connected. */
  static async open(url: string, processes: number, registriesEach: number): Promise<Crowd> {
    const started = await Promise.all(
      Array.from({ length: processes }, () => Worker.start<'ready'>('discovery/crowd-process.ts', [])),
    );
    const crowd = new Crowd(started.map(({ worker }) => worker));
    await crowd.#all<true>({ kind: 'open', url, count: registriesEach });
    return crowd;
  }

  async watch(services: readonly string[]): Promise<void> {
    await this.#all<true>({ kind: 'watch', services });
  }

  /** Spreads instances over the processes. */
  async announce(instances: readonly { readonly service: string; readonly nth: number }[]): Promise<void> {
    const share = Math.ceil(instances.length / this.#workers.length);
    await Promise.all(
      this.#workers.map((worker, i) =>
        worker.ask<true>({ kind: 'announce', instances: instances.slice(i * share, (i + 1) * share) }),
      ),
    );
  }

  /** One instance after another of the first process joins and leaves. */
  async move(service: string, count: number, pauseMs: number): Promise<readonly Move[]> {
    return (await this.#workers[0]?.ask<Move[]>({ kind: 'move', service, count, pauseMs })) ?? [];
  }

  async seen(): Promise<readonly Move[]> {
    return (await this.#all<readonly Move[]>({ kind: 'seen' })).flat();
  }

  async connections(): Promise<Connections> {
    const each = await this.#all<Connections>({ kind: 'connections' });
    return { begun: each.flatMap(({ begun }) => begun), made: each.flatMap(({ made }) => made) };
  }

  /** Waits until so many registries know so many instances. */
  async knows(registries: number, instances: number): Promise<void> {
    const knowing = async () => {
      const each = await this.#all<number>({ kind: 'knowing', count: instances });
      return each.reduce((sum, one) => sum + one, 0);
    };
    while ((await knowing()) < registries) await delay(50);
  }

  stop(): void {
    for (const worker of this.#workers) worker.stop();
  }

  #all<Reply>(order: CrowdOrder): Promise<Reply[]> {
    return Promise.all(this.#workers.map((worker) => worker.ask<Reply>(order)));
  }
}
