import type { SetAlarm } from '../../src/core/timer-wheel.ts';

interface Pending {
  readonly at: number;
  readonly ring: () => void;
  held: boolean;
}

/**
 * A platform for a timer wheel: its time stands still until a test moves it, and it has at most one alarm set. Like Node's, its alarms
 * wait for whole milliseconds: a fraction is cut off, and the shortest wait is 1 ms.
 */
export class FakePlatform {
  time: number;
  /** Alarms set so far. */
  sets = 0;
  #alarm: Pending | undefined;

  constructor(time = 0) {
    this.time = time;
  }

  readonly now = (): number => this.time;

  readonly setAlarm: SetAlarm = (delayMs, ring) => {
    if (this.#alarm !== undefined) throw new Error('a second alarm is set while the first is pending');
    if (!(delayMs >= 0 && delayMs < 2 ** 31)) throw new Error(`the platform cannot wait ${delayMs} ms`);
    this.sets++;
    const set: Pending = { at: this.time + Math.max(1, Math.trunc(delayMs)), ring, held: true };
    this.#alarm = set;
    return {
      cancel: () => {
        if (this.#alarm === set) this.#alarm = undefined;
      },
      hold: (held) => {
        set.held = held;
      },
    };
  };

  /** Whether the process would stay alive. */
  get held(): boolean {
    return this.#alarm?.held ?? false;
  }

  /** Moves time to `to`, ringing alarms at their time. */
  runTo(to: number): void {
    while (this.#alarm !== undefined && this.#alarm.at <= to) {
      const { at, ring } = this.#alarm;
      this.#alarm = undefined;
      this.time = Math.max(this.time, at);
      ring();
    }
    this.time = to;
  }

  /** A process that was asleep: time is at `to` before the pending alarm rings. */
  sleepTo(to: number): void {
    this.time = to;
    this.runTo(to);
  }
}
