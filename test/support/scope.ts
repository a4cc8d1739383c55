import { Context } from '../../src/core/context.ts';
import { Events } from '../../src/core/events.ts';
import type { Scope } from '../../src/core/filter.ts';
import { MemoryMetrics } from '../../src/telemetry/memory-metrics.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { seededRandom } from '../../src/testing/seeded-random.ts';

/** A scope whose time and chance the test holds. */
export function scopeOf(target = 'players') {
  return {
    target,
    binding: 'test',
    clock: new ManualClock(),
    random: seededRandom(1),
    events: new Events(),
    metrics: new MemoryMetrics(),
  } satisfies Scope;
}

export function callTo(target = 'players'): Context {
  return new Context(target, { operation: 'GET', idempotent: true }, 0);
}
