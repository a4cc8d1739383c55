import { mkdtempSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArguments, USAGE } from './arguments.ts';
import { folderRegistry } from './folder-registry.ts';
import { liveView } from './live-view.ts';
import { plainView } from './plain-view.ts';
import { play } from './play.ts';
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
  const root = mkdtempSync(join(tmpdir(), 'heddle-demo-'));
  const removeRoot = () => rmSync(root, { recursive: true, force: true, maxRetries: 5 });
  process.once('exit', removeRoot);

  const view = json ? noView : viewOf(process.stdout);
  const registry = redis ? await redisRegistry(root, (error) => ending.abort(error)) : folderRegistry(root);
  process.once('exit', () => registry.kill());
  try {
    const { rows, total, failures, elapsedMs, measured } = await play(registry, view, ending);
    view.close();
    if (json) console.log(JSON.stringify(rows, undefined, 2));
    else console.log(`\n${tableOf([...rows, total]).join('\n')}\n\n${summary(rows, total, elapsedMs, measured)}`);
    for (const [message, times] of failures) console.error(`${times} × ${message}`);
    return total.failed === 0 ? 0 : 1;
  } catch (error) {
    view.close();
    console.error(error instanceof Error ? error.message : error);
    return exitCode ?? 1;
  } finally {
    registry.kill();
    removeRoot();
  }
}

function viewOf(stdout: NodeJS.WriteStream): View {
  return stdout.isTTY ? liveView(stdout) : plainView((text) => stdout.write(text));
}
