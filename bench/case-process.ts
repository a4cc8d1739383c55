import { memoryUsage } from 'node:process';
import { cases } from './cases/all.ts';

/** What the director asks of a process. */
export interface Ask {
  readonly calls: number;
}

/** What a number of calls cost their process. */
export interface Cost {
  /** CPU time of all threads, of the garbage collector too, in nanoseconds. Wall time would measure who else is on the machine. */
  readonly cpuNs: number;
  /** Growth of the heap in bytes: what the calls allocated, if nothing was collected meanwhile. */
  readonly heapBytes: number;
}

// The process of one case: measures as many calls as it is asked for.
const [name = '', ...ports] = process.argv.slice(2);
const make = cases[name];
if (make === undefined) throw new Error(`there is no case '${name}'; there are ${Object.keys(cases).join(', ')}`);
const one = await make(ports.map(Number));

async function measure({ calls }: Ask): Promise<Cost> {
  // Wakes up what fell asleep while other cases had their turn: connections, caches, the clock of the processor.
  await one.run(Math.ceil(calls / 20));
  // Only the young generation: a full collection would throw away compiled code as well.
  globalThis.gc?.({ type: 'minor' });
  const heap = memoryUsage().heapUsed;
  const cpu = process.cpuUsage();
  await one.run(calls);
  const { user, system } = process.cpuUsage(cpu);
  return { cpuNs: (user + system) * 1000, heapBytes: memoryUsage().heapUsed - heap };
}

process.on('message', (ask: Ask) => void measure(ask).then((cost) => process.send?.(cost)));
process.on('disconnect', () => process.exit());
process.send?.('ready');
