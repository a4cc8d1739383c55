import { setInterval } from 'node:timers/promises';
import { createMesh } from 'heddle';
import { CallReports } from './call-reports.ts';
import { director } from './director.ts';
import { type Answer, ATTEMPTS } from './protocol.ts';

/**
 * The load: `node load.ts REGISTRY`. It calls `teams` 80 times a second, whether or not earlier calls have finished, from the first phase
 * that it is told of until it is told to stop. Over the first seconds it works itself up to that.
 */
const [, , registry = 'file:.heddle'] = process.argv;
const CALLS_PER_SECOND = 80;
const WARM_UP_S = 2;
const TICK_MS = 10;

const mesh = createMesh({
  self: { service: 'load' },
  registry,
  // It does not retry, so that nothing that goes wrong in `teams` is hidden from the table: its one attempt has the time of the call.
  services: { teams: { retry: false, attemptTimeoutMs: false } },
  logger: false,
});
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
  const callsDue = callsAfter((performance.now() - startedAt) / 1_000);
  for (; calls < callsDue; calls++) {
    const one = call(phase);
    running.add(one);
    void one.finally(() => running.delete(one));
  }
}
await Promise.all(running);
reports.close();
await mesh.close();
director.leave();

/** How many calls have started after so many seconds. */
function callsAfter(seconds: number): number {
  const ofWarmUp = Math.min(seconds, WARM_UP_S);
  return CALLS_PER_SECOND * (seconds - ofWarmUp + ofWarmUp ** 2 / (2 * WARM_UP_S));
}

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
