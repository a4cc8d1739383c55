import type { Events } from '../core/events.ts';

/** More than a thousand times what it can do is no measure. */
const MOST = 1_000;

/**
 * The application's own measure of how busy it is, asked so that nothing it does can hurt a response: what it throws, and what is no number from
 * 0 to 1,000, counts as not said, and is told as a `fault` once until it works again.
 */
export function checkedUtilisation(ask: () => number, events: Events): () => number | undefined {
  let working = true;
  const failed = (error: unknown) => {
    if (working) events.emit('fault', { source: 'utilisation', error });
    working = false;
    return undefined;
  };
  return () => {
    try {
      const value: unknown = ask();
      if (typeof value !== 'number' || !(value >= 0 && value <= MOST))
        return failed(new RangeError(`utilisation must be a number from 0 to ${MOST}, not ${String(value)}`));
      working = true;
      return value;
    } catch (error) {
      return failed(error);
    }
  };
}
