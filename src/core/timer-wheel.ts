/** A pending wake-up of the wheel's driver. */
export interface Alarm {
  cancel(): void;
  /** Whether the process stays alive for it. */
  hold(held: boolean): void;
}

export type SetAlarm = (delayMs: number, ring: () => void) => Alarm;

/** A pending timer. `cancel` is harmless when it has fired. */
export interface Timer {
  cancel(): void;
}

const TICK_MS = 4;
const SLOTS = 1024;
/** Longer alarms overflow the platform's timers, which then ring at once; the wheel rings early and sets the next one. */
const LONGEST_ALARM_MS = 2 ** 30;

class Entry implements Timer {
  readonly wheel: TimerWheel;
  readonly tick: number;
  readonly held: boolean;
  run: ((subject: unknown) => void) | undefined;
  subject: unknown;
  previous: Entry | undefined;
  next: Entry | undefined;

  constructor(wheel: TimerWheel, tick: number, held: boolean, run: (subject: unknown) => void, subject: unknown) {
    this.wheel = wheel;
    this.tick = tick;
    this.held = held;
    this.run = run;
    this.subject = subject;
  }

  cancel(): void {
    if (this.run !== undefined) this.wheel.remove(this);
  }
}

/**
 * A hashed timing wheel (Varghese and Lauck, 1987): adding and cancelling cost the same few nanoseconds however many are pending.
 *
 * Nearly every deadline is cancelled long before it is due, which is what a wheel is cheapest at. Timers fire up to one tick (4 ms) late,
 * never early, and those of one tick in no promised order. One alarm of the platform drives them all; it is set for the earliest pending
 * timer only, and keeps the process alive only while a timer does that somebody waits on.
 */
export class TimerWheel {
  readonly #now: () => number;
  readonly #setAlarm: SetAlarm;
  readonly #slots: (Entry | undefined)[] = new Array(SLOTS).fill(undefined);
  /** All ticks up to and including this one have been run. */
  #ran: number;
  #alarm: Alarm | undefined;
  #alarmTick = Number.POSITIVE_INFINITY;
  #held = 0;
  #size = 0;

  constructor(now: () => number, setAlarm: SetAlarm) {
    this.#now = now;
    this.#setAlarm = setAlarm;
    this.#ran = Math.floor(now() / TICK_MS);
  }

  /** The number of timers that have neither fired nor been cancelled. */
  get size(): number {
    return this.#size;
  }

  /** Runs `run` once, `delayMs` from now. With `held` the process stays alive until then. */
  add(delayMs: number, run: () => void, held: boolean): Timer {
    return this.addAt(this.#now() + delayMs, run, held, undefined);
  }

  /** Runs `run` of `subject` once, at a time of the wheel's clock: one function for all timers of a kind, where another for each would be an object more. */
  addAt<Subject>(at: number, run: (subject: Subject) => void, held: boolean, subject: Subject): Timer {
    const tick = Math.max(this.#ran + 1, Math.ceil(at / TICK_MS));
    const entry = new Entry(this, tick, held, run as (subject: unknown) => void, subject); // it is given no other
    const slot = tick % SLOTS;
    const head = this.#slots[slot];
    entry.next = head;
    if (head !== undefined) head.previous = entry;
    this.#slots[slot] = entry;
    this.#size++;
    if (tick < this.#alarmTick) this.#arm(tick);
    if (held && this.#held++ === 0) this.#alarm?.hold(true);
    return entry;
  }

  remove(entry: Entry): void {
    entry.run = undefined;
    entry.subject = undefined;
    if (entry.previous !== undefined) entry.previous.next = entry.next;
    else this.#slots[entry.tick % SLOTS] = entry.next;
    if (entry.next !== undefined) entry.next.previous = entry.previous;
    // `next` stays, for a walk that stands here. Through `previous` an old timer that somebody keeps would keep all that came later.
    entry.previous = undefined;
    this.#size--;
    if (entry.held && --this.#held === 0) this.#alarm?.hold(false);
  }

  #arm(tick: number): void {
    this.#alarm?.cancel();
    this.#alarmTick = tick;
    // The platform cuts off fractions, so without the rounding it would ring before the tick, to no effect.
    const delayMs = Math.ceil(Math.max(0, tick * TICK_MS - this.#now()));
    this.#alarm = this.#setAlarm(Math.min(delayMs, LONGEST_ALARM_MS), this.#ring);
    this.#alarm.hold(this.#held > 0);
  }

  readonly #ring = (): void => {
    this.#alarm = undefined;
    this.#alarmTick = Number.POSITIVE_INFINITY;
    const due = Math.floor(this.#now() / TICK_MS);
    // A process that slept for more than one turn of the wheel visits each slot once, not each tick.
    const from = Math.max(this.#ran + 1, due - SLOTS + 1);
    this.#ran = Math.max(this.#ran, due);
    for (let tick = from; tick <= due; tick++) this.#runSlot(tick % SLOTS, due);
    if (this.#size > 0) this.#arm(Math.min(this.#alarmTick, this.#nextTick(due)));
  };

  #runSlot(slot: number, due: number): void {
    let entry = this.#slots[slot];
    while (entry !== undefined) {
      const { next, run, subject } = entry;
      if (entry.tick <= due && run !== undefined) {
        this.remove(entry);
        try {
          run(subject);
        } catch (error) {
          // The error of one timer is reported as if it were alone, once all that are due have run.
          queueMicrotask(() => {
            throw error;
          });
        }
      }
      // What a timer removed while it ran is out of the list; its own `next` still leads on.
      entry = next;
    }
  }

  /** The next tick whose slot holds anything; an entry for a later turn costs one early wake-up per turn. */
  #nextTick(after: number): number {
    for (let tick = after + 1; tick <= after + SLOTS; tick++) {
      if (this.#slots[tick % SLOTS] !== undefined) return tick;
    }
    return after + SLOTS;
  }
}
