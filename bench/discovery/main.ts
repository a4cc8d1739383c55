import { availableParallelism, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { beating } from './beating.ts';
import { fanOut } from './fan-out.ts';
import { type Figure, inWords } from './figure.ts';
import { following } from './following.ts';
import { oneLargeService } from './large-service.ts';
import { lostMessage } from './lost-message.ts';
import { propagation } from './propagation.ts';
import { reconnect } from './reconnect.ts';

/** The parts, in the order in which they are measured. Each has a Redis and processes of its own. */
const PARTS: Readonly<Record<string, (quick: boolean) => Promise<readonly Figure[]>>> = {
  propagation,
  'lost-message': lostMessage,
  'fan-out': fanOut,
  reconnect,
  beating,
  following,
  'large-service': oneLargeService,
};

const { values, positionals } = parseArgs({
  options: {
    /** Prints what was measured as JSON. */
    json: { type: 'boolean', default: false },
    /** Few rounds, and nothing that has to be waited for: shows that it works, not what it costs. */
    quick: { type: 'boolean', default: false },
  },
  /** Names of parts; all of them when there is none. */
  allowPositionals: true,
});
const unknown = positionals.find((name) => PARTS[name] === undefined);
if (unknown !== undefined) throw new Error(`there is no part '${unknown}'; there are ${Object.keys(PARTS).join(', ')}`);

const measured: Record<string, readonly Figure[]> = {};
if (!values.json) console.log(`Node ${process.version}, ${availableParallelism()} cores\n`);
for (const [name, part] of Object.entries(PARTS)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  const figures = await part(values.quick);
  if (figures.length === 0) continue;
  measured[name] = figures;
  if (!values.json) console.log(`${name} (load of the machine: ${loadavg()[0]?.toFixed(1)})\n\n${inWords(figures)}\n`);
}
if (values.json) console.log(JSON.stringify(measured, undefined, 2));
