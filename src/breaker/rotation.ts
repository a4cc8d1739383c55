import { EventEmitter } from 'node:events';
import type { Clock } from '../core/clock.ts';
import { repeat } from '../core/repeat.ts';

const BUCKET_MS = 1_000;

/** The one clockwork of all breakers of a mesh. Left to itself, opossum would start an interval for each. */
export interface Rotation {
  readonly emitter: EventEmitter;
  stop(): void;
}

export function startRotation(clock: Clock): Rotation {
  const emitter = new EventEmitter().setMaxListeners(0);
  const timer = repeat(
    clock,
    () => BUCKET_MS,
    () => emitter.emit('rotate'),
  );
  return { emitter, stop: () => timer.cancel() };
}
