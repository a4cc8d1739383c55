import { mkdtempSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArguments, USAGE } from './arguments.ts';
import type { DemoRegistry } from './demo-registry.ts';
import { folderRegistry } from './folder-registry.ts';
import { liveView } from './live-view.ts';
import { plainView } from './plain-view.ts';
import { type Outcome, play } from './play.ts';
import { redisInstalled, redisRegistry } from './redis-registry.ts';
import { noView, type View } from './scene.ts';
import { summary } from './summary.ts';
import { tableOf } from './table.ts';

/** The demo: `npm run demo`. Exits with 0 when no call failed, 1 when one did or the demo could not be played, 2 for a wrong argument. */
const given = parseArguments(process.argv.slice(2));
if (given === undefined) {
  console.error(USAGE);
  process.exitCode = 2;
} else if (given.redis && !redisInstalled()) {
  console.error('the demo with --redis needs redis-server on the PATH (Debian: apt-get install redis-server)');
  process.exitCode = 1;
} else {
  process.exitCode = await run(given.redis, given.json);
}

async function run(redis: boolean, json: boolean): Promise<number> {
  const ending = new AbortController();
  let exitCode: number | undefined;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      exitCode = 128 + constants.signals[signal];
      ending.abort(new Error(`the demo was ended by ${signal}`));
    });
  }
  // A reader that goes away (`| head`) ends the demo too.
  process.stdout.on('error', (error) => ending.abort(error));
  const root = mkdtempSync(join(tmpdir(), 'heddle-demo-'));
  const removeRoot = () => rmSync(root, { recursive: true, force: true, maxRetries: 5 });
  process.once('exit', removeRoot);

  const view = json ? noView : viewOf(process.stdout);
  let registry: DemoRegistry | undefined;
  process.once('exit', () => registry?.kill());
  try {
    registry = redis ? await redisRegistry(root, (error) => ending.abort(error)) : folderRegistry(root);
    const outcome = await play(registry, view, ending);
    view.close();
    print(outcome, json);
    return outcome.broken === undefined && outcome.total.failed === 0 ? 0 : (exitCode ?? 1);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return exitCode ?? 1;
  } finally {
    registry?.kill();
    removeRoot();
  }
}

function print({ rows, total, failures, elapsedMs, measured, broken }: Outcome, json: boolean): void {
  if (json) console.log(JSON.stringify(rows, undefined, 2));
  else if (rows.length > 0) console.log(`\n${tableOf([...rows, total]).join('\n')}\n`);
  if (!json && broken === undefined) console.log(summary(rows, total, elapsedMs, measured));
  for (const [message, times] of failures) console.error(`${times} × ${message}`);
  if (broken !== undefined) console.error(broken.message);
}

function viewOf(stdout: NodeJS.WriteStream): View {
  return stdout.isTTY ? liveView(stdout) : plainView((text) => stdout.write(text));
}
