import type { MakePicker } from '../../src/balancer/picker.ts';
import { p2c } from '../../src/balancer/pickers/p2c.ts';

/** The pickers that are compared, by the names that they have as an option. Those that choose by a key of the call are not. */
export const PICKERS: Readonly<Record<string, MakePicker>> = { p2c };
