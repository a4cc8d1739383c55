import { below, type Random } from '../../src/core/random.ts';
import type { Engine } from './engine.ts';
import { type Fault, type Scenario, speedOf } from './scenario.ts';
import type { Server } from './server.ts';
import { exponential } from './work.ts';

/** Lets a fault of a scenario happen to its servers, for as long as events are run. */
export function cause(
  fault: Fault,
  scenario: Scenario,
  servers: readonly Server[],
  engine: Engine,
  random: Random,
): void {
  const own = (server: Server) => speedOf(scenario, server.index);
  switch (fault.kind) {
    case 'spells': {
      // Each is slow for `lengthMs` of every period, and their turns are spread over it evenly, in an order that is drawn.
      const periodMs = fault.lengthMs / fault.share;
      const order = shuffled(servers, random);
      for (const [turn, server] of order.entries()) {
        const spell = (from: number) => {
          const to = from + fault.lengthMs;
          engine.schedule(from, () => {
            if (to > 0) server.speed = own(server) * fault.speed;
          });
          engine.schedule(to, () => {
            server.speed = own(server);
            spell(from + periodMs);
          });
        };
        // Negative for those that are slow when it begins.
        const from = (turn / order.length) * periodMs - fault.lengthMs;
        if (from < 0) server.speed = own(server) * fault.speed;
        spell(from);
      }
      return;
    }
    case 'levels':
      for (const server of servers) {
        const change = () => {
          server.speed = own(server) * (fault.speeds[below(random, fault.speeds.length)] ?? 1);
          engine.schedule(engine.now() + exponential(fault.everyMs, random), change);
        };
        change();
      }
      return;
    case 'pauses':
      for (const server of servers) {
        const next = (endedAt: number) => {
          engine.schedule(endedAt + exponential(fault.everyMs, random), () => {
            const ms = fault.leastMs + random() * (fault.mostMs - fault.leastMs);
            server.pause(ms);
            next(engine.now() + ms);
          });
        };
        next(0);
      }
      return;
    default: {
      const places = (fault.kind === 'fails' && fault.servers) || [0];
      for (const server of servers.filter(({ index }) => places.includes(index))) {
        engine.schedule(fault.fromMs, () => begin(fault, server, own(server)));
        engine.schedule(fault.toMs, () => {
          server.speed = own(server);
          server.fixedMs = undefined;
          server.failRatio = 0;
          server.hanging = false;
        });
      }
    }
  }
}

function begin(fault: Extract<Fault, { fromMs: number }>, server: Server, speed: number): void {
  switch (fault.kind) {
    case 'slow':
      server.speed = speed * fault.speed;
      return;
    case 'fixed':
      server.fixedMs = fault.ms;
      return;
    case 'fails':
      server.failRatio = fault.ratio;
      server.failMs = fault.ms;
      return;
    case 'hangs':
      server.hanging = true;
      return;
    case 'stops':
      server.pause(fault.toMs - fault.fromMs);
  }
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  return items
    .map((item) => ({ item, key: random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}
