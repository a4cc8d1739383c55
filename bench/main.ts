import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { measure } from './measure.ts';
import { report } from './report.ts';

const { values } = parseArgs({
  options: {
    /** Prints what was measured as JSON. */
    json: { type: 'boolean', default: false },
    /** Few and short rounds: shows that it works, not what it costs. */
    quick: { type: 'boolean', default: false },
    /** A built checkout to compare with, round by round. */
    against: { type: 'string' },
  },
});

const figures = await measure({
  ...(values.quick ? { rounds: 3, turnMs: 100 } : { rounds: 40, turnMs: 250 }),
  against: values.against === undefined ? undefined : resolve(values.against),
});
console.log(values.json ? JSON.stringify(figures, undefined, 2) : report(figures));
