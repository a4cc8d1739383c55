import type { ServiceOptions } from '../../src/index.ts';
import { Worker } from '../worker.ts';
import type { LoadOrder, Phase, Told } from './load-process.ts';
import type { ServerOrder } from './server-process.ts';

/** All that were started: a process that is stopped does not see that this one has ended. */
const started = new Set<Worker>();
process.on('exit', () => {
  for (const worker of started) worker.stop();
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

async function start<First>(script: string, args: readonly string[] = []) {
  const ready = await Worker.start<First>(script, args, [], import.meta.dirname);
  started.add(ready.worker);
  return ready;
}

function stop(worker: Worker): void {
  worker.stop();
  started.delete(worker);
}

/** A server in a process of its own. */
export class Server {
  readonly #order: ServerOrder;
  #worker: Worker;
  readonly port: number;

  private constructor(order: ServerOrder, worker: Worker, port: number) {
    this.#order = order;
    this.#worker = worker;
    this.port = port;
  }

  static async start(order: ServerOrder): Promise<Server> {
    const { worker, first } = await start<number>('server-process.ts', [JSON.stringify(order)]);
    return new Server(order, worker, first);
  }

  /** How long work took so far, on average. */
  workMs(): Promise<number> {
    return this.#worker.ask<number>({});
  }

  kill(): void {
    stop(this.#worker);
  }

  /** A new process at the same port. */
  async restart(): Promise<void> {
    const order = { ...this.#order, port: this.port };
    this.#worker = (await start<number>('server-process.ts', [JSON.stringify(order)])).worker;
  }

  freeze(): void {
    this.#worker.freeze();
  }

  thaw(): void {
    this.#worker.thaw();
  }
}

/** Makes the calls from so many processes, each a part of them, while something happens: what became of those of each phase. */
export async function load(
  servers: readonly Server[],
  settings: ServiceOptions,
  phases: readonly Phase[],
  count: number,
  meanwhile: (begunAt: number) => Promise<void> = async () => {},
): Promise<Told[][]> {
  const callers = await Promise.all(Array.from({ length: count }, () => start('load-process.ts')));
  const order: LoadOrder = {
    ports: servers.map(({ port }) => port),
    settings,
    phases: phases.map(({ perSecond, forMs }) => ({ perSecond: perSecond / count, forMs })),
  };
  const happening = meanwhile(performance.now());
  const told = await Promise.all(callers.map(({ worker }) => worker.ask<Told[][]>(order)));
  await happening;
  for (const { worker } of callers) stop(worker);
  return phases.map((_, i) => told.flatMap((phase) => phase[i] ?? []));
}
