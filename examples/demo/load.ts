import { setInterval } from 'node:timers/promises';
import { createMesh } from 'heddle';
import { CallReports } from './call-reports.ts';
import { director } from './director.ts';
import { type Answer, ATTEMPTS } from './protocol.ts';

/**
 * The load: `node load.ts REGISTRY`. It calls `teams` 120 times a second, whether or not earlier calls have finished, from the first phase
 * that it is told of until it is told to stop.
 */
const [, , registry = 'file:.heddle'] = process.argv;
const CALLS_PER_SECOND = 120;
const TICK_MS = 10;

// It does not retry, so that nothing that goes wrong in `teams` is hidden from the table.
const mesh = createMesh({ self: { service: 'load' }, registry, services: { teams: { retry: false } }, logger: false });
const teams = mesh.client('teams');
const reports = new CallReports((report) => director.tell(report));
const running = new Set<Promise<void>>();
const served = new Set<string>();

let phase: number | undefined;
let stopped = false;
director.hear((order) => {
  if (order.kind === 'phase') phase = order.phase;
  if (order.kind === 'stop') stopped = true;
});
director.tell({ kind: 'ready', at: Date.now() });

let startedAt: number | undefined;
let calls = 0;
for await (const _ of setInterval(TICK_MS)) {
  if (stopped) break;
  if (phase === undefined) continue;
  startedAt ??= performance.now();
  const due = ((performance.now() - startedAt) / 1_000) * CALLS_PER_SECOND;
  for (; calls < due; calls++) {
    const one = call(phase);
    running.add(one);
    void one.finally(() => running.delete(one));
  }
}
await Promise.all(running);
reports.close();
await mesh.close();
director.leave();

/** One call, counted in the phase in which it starts. Anything but a 2xx is a failure. */
async function call(phase: number): Promise<void> {
  const startedAt = performance.now();
  try {
    const response = await teams.get('/teams/42');
    reports.retried(phase, Number(response.headers[ATTEMPTS] ?? 1) - 1);
    if (!response.ok) throw new Error(`teams answered ${response.status}: ${response.text()}`);
    const { instance } = response.json<Answer>();
    reports.succeeded(phase, performance.now() - startedAt, instance);
    if (!served.has(instance)) director.tell({ kind: 'first-served', instance, at: Date.now() });
    served.add(instance);
  } catch (error) {
    reports.failed(phase, performance.now() - startedAt, error instanceof Error ? error.message : `${error}`);
  }
}
