import type { LoadReport } from '../../src/balancer/load-report.ts';
import type { Random } from '../../src/core/random.ts';
import { LoadMeter } from '../../src/server/load-meter.ts';
import type { Engine } from './engine.ts';
import { Heap } from './heap.ts';
import { Queue } from './queue.ts';

/** `busy`: refused unexecuted, as the job asks for. */
export type Answer = 'success' | 'failure' | 'busy';

/** Something that a server is asked to do. */
export interface Job {
  /** Milliseconds of one worker at speed 1. */
  readonly workMs: number;
  /** When the server noticed it; the server writes it. */
  arrivedAt: number;
  /** Requests that the server had when it noticed it; below 0 while it is not counted among them. The server writes it. */
  others: number;
  /** Most requests that the server may have with it; `undefined` for any number. */
  readonly limit: number | undefined;
  /** Nobody waits for it any more; the server writes it. */
  abandoned: boolean;
  answer(answer: Answer, server: Server): void;
}

interface ServerOptions {
  readonly index: number;
  readonly engine: Engine;
  readonly random: Random;
  /** How many jobs it works on at full speed; `Infinity` for one that only takes time. */
  readonly workers: number;
  /** `fifo`: further jobs wait in a queue. `sharing`: all are worked on at once, each slower. */
  readonly discipline: 'fifo' | 'sharing';
  /** Whether it notices no request while it works, as a process with one thread. */
  readonly busyLoop: boolean;
}

/** What counts as done: less than the error of adding up milliseconds. */
const NOTHING = 1e-9;

/**
 * A server with workers whose speed may change at any moment.
 *
 * It has a time of its own, which goes as fast as one job is worked on. A job ends when that time has gone on by its work, whatever happened
 * meanwhile, so a change of speed costs the same for one job in work and for a thousand (virtual time of processor sharing; Kleinrock, 1976).
 */
export class Server {
  readonly index: number;
  readonly workers: number;
  /** How many came. */
  requests = 0;
  /** What a server of the library knows of its own load. */
  readonly #meter = new LoadMeter();
  /** The share of requests that fail, and after how long. */
  failRatio = 0;
  failMs = 1;
  /** Takes requests and says nothing. */
  hanging = false;
  /** When set, each request takes just so long, and no worker. */
  fixedMs: number | undefined;
  /** Where the next job comes from when a worker is free. */
  pull: () => Job | undefined;
  /** Told when its speed has changed, a pause included. */
  changed: () => void = () => {};

  readonly #engine: Engine;
  readonly #random: Random;
  readonly #sharing: boolean;
  readonly #busyLoop: boolean;
  /** Requests that came while it noticed none: they lie in a socket that nobody reads. */
  #unread: Job[] = [];
  readonly #waiting = new Queue<Job>();
  /** Jobs in work, by the moment of the server's own time at which they end. */
  readonly #inWork = new Heap<Job>();
  #speed = 1;
  #paused = 0;
  /** The server's own time, and when it was that. */
  #own = 0;
  #at = 0;
  #busyMs = 0;
  #alarmAt = Number.POSITIVE_INFINITY;

  constructor({ index, engine, random, workers, discipline, busyLoop }: ServerOptions) {
    this.index = index;
    this.workers = workers;
    this.#engine = engine;
    this.#random = random;
    this.#sharing = discipline === 'sharing';
    this.#busyLoop = busyLoop;
    this.pull = () => this.#waiting.shift();
  }

  get speed(): number {
    return this.#paused > 0 ? 0 : this.#speed;
  }

  set speed(speed: number) {
    this.#advance();
    this.#speed = speed;
    this.#plan();
    this.changed();
  }

  /** Whether it answers, and well. */
  get sound(): boolean {
    return this.failRatio === 0 && !this.hanging && this.fixedMs === undefined;
  }

  get free(): boolean {
    return this.#inWork.size < this.workers;
  }

  /** Milliseconds that a worker was busy, all workers added up. */
  get busyMs(): number {
    this.#advance();
    return this.#busyMs;
  }

  /** Stands still for so long, as for a collection of garbage or a blocked event loop; what comes meanwhile is noticed, counted and perhaps refused afterwards. */
  pause(ms: number): void {
    this.#advance();
    this.#paused++;
    this.#engine.schedule(this.#engine.now() + ms, () => {
      this.#advance();
      this.#paused--;
      this.#read();
      this.#plan();
      this.changed();
    });
  }

  arrive(job: Job): void {
    this.requests++;
    if (this.#paused > 0 || (this.#busyLoop && this.#inWork.size > 0)) this.#unread.push(job);
    else this.#take(job);
  }

  /** Notices all that came while it could not: between two jobs, or after a pause. */
  #read(): void {
    if (this.#paused > 0 || this.#unread.length === 0) return;
    const unread = this.#unread;
    this.#unread = [];
    for (const job of unread) this.#take(job);
  }

  #take(job: Job): void {
    const now = this.#engine.now();
    job.arrivedAt = now;
    const others = this.#meter.inFlight;
    if (job.limit !== undefined && others >= job.limit && this.#meter.slow(now)) {
      job.answer('busy', this);
      return;
    }
    if (!job.abandoned) {
      job.others = others;
      this.#meter.inFlight++;
    }
    if (this.hanging) return;
    if (this.failRatio > 0 && this.#random() < this.failRatio) this.#answerIn(this.failMs, 'failure', job);
    else if (this.fixedMs !== undefined) this.#answerIn(this.fixedMs, 'success', job);
    else if (this.#sharing || this.free) {
      this.#advance();
      this.#inWork.push(this.#own + job.workMs, job);
      this.#plan();
    } else {
      this.#waiting.push(job);
    }
  }

  /** Its caller gave it up and closed the connection. It is worked on all the same, but no part of the load that the middleware counts. */
  abandon(job: Job): void {
    job.abandoned = true;
    if (job.others >= 0) this.#uncount(job);
  }

  #uncount(job: Job): void {
    this.#meter.inFlight--;
    job.others = -1;
  }

  #answerIn(ms: number, outcome: 'success' | 'failure', job: Job): void {
    this.#engine.schedule(this.#engine.now() + ms, () => this.#answer(outcome, job));
  }

  /** What it says of itself with an answer; `undefined` while it knows nothing. */
  load(): LoadReport | undefined {
    const { inFlight, serviceMs } = this.#meter;
    return Number.isNaN(serviceMs) ? undefined : { rif: inFlight, serviceMs };
  }

  #answer(answer: 'success' | 'failure', job: Job): void {
    const now = this.#engine.now();
    const { others } = job;
    if (others >= 0) {
      this.#uncount(job);
      if (answer === 'success') this.#meter.took(now - job.arrivedAt, others, now);
    }
    job.answer(answer, this);
  }

  /** How fast its own time goes. */
  get #rate(): number {
    return this.#sharing ? this.speed * Math.min(1, this.workers / this.#inWork.size) : this.speed;
  }

  #advance(): void {
    const now = this.#engine.now();
    const passed = now - this.#at;
    this.#at = now;
    if (passed <= 0 || this.#inWork.size === 0) return;
    this.#own += passed * this.#rate;
    this.#busyMs += passed * Math.min(this.#inWork.size, this.workers);
  }

  /** Sees to it that somebody looks when the next job is done. A look that comes too early costs little and changes nothing. */
  #plan(): void {
    if (this.#inWork.size === 0 || this.#rate === 0) return;
    const at = this.#at + Math.max(0, this.#inWork.key - this.#own) / this.#rate;
    if (at >= this.#alarmAt) return;
    this.#alarmAt = at;
    this.#engine.schedule(at, this.#look);
  }

  readonly #look = (): void => {
    // One that was set before an earlier one was.
    if (this.#engine.now() !== this.#alarmAt) return;
    this.#alarmAt = Number.POSITIVE_INFINITY;
    this.#advance();
    while (this.#inWork.key - this.#own <= NOTHING) {
      const done = this.#inWork.pop();
      if (done === undefined) break;
      const next = this.#sharing ? undefined : this.pull();
      if (next !== undefined) this.#inWork.push(this.#own + next.workMs, next);
      this.#answer('success', done);
      this.#read();
    }
    this.#plan();
  };
}
