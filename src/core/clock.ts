import { type Alarm, type Timer, TimerWheel } from './timer-wheel.ts';

/** Time as the mesh sees it. Passed in everywhere, so that a test can hold it still. */
export interface Clock {
  /** Monotonic milliseconds since some moment, for measuring; never goes backwards. */
  now(): number;
  /** Milliseconds since 1970, for people and the wire; may jump. */
  wall(): number;
  /** Runs `run` once, `delayMs` from now and less than 5 ms late. The process stays alive for it: somebody waits. */
  after(delayMs: number, run: () => void): Timer;
  /** Like `after`, for whoever knows the moment itself and need not ask for the time. `run` is given `subject`, so that it need not be another function for each. */
  at<Subject>(moment: number, run: (subject: Subject) => void, subject: Subject): Timer;
  /** Like `after`, for housekeeping: the process may end before it runs. */
  background(delayMs: number, run: () => void): Timer;
}

export type { Timer };

function setAlarm(delayMs: number, ring: () => void): Alarm {
  const timeout = setTimeout(ring, delayMs);
  return {
    cancel: () => clearTimeout(timeout),
    hold: (held) => {
      if (held) timeout.ref();
      else timeout.unref();
    },
  };
}

/** The time of the platform. One wheel, and so at most one timer of Node's, for the whole process. */
export const systemClock: Clock = createSystemClock();

function createSystemClock(): Clock {
  const now = () => performance.now();
  const wheel = new TimerWheel(now, setAlarm);
  return {
    now,
    wall: () => Date.now(),
    after: (delayMs, run) => wheel.add(delayMs, run, true),
    at: (moment, run, subject) => wheel.addAt(moment, run, true, subject),
    background: (delayMs, run) => wheel.add(delayMs, run, false),
  };
}
