import { subscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../../src/core/clock.ts';
import { Events } from '../../src/core/events.ts';
import { createRedisRegistry } from '../../src/discovery/redis/redis-registry.ts';
import type { Registry, View, Watch } from '../../src/discovery/registry.ts';
import { MemoryMetrics } from '../../src/telemetry/memory-metrics.ts';
import { instanceOf } from './instance.ts';
import { type CrowdOrder, type Move, sharedNow } from './orders.ts';

// Many registries in one process, each as in a process of its own: they follow, announce, join and leave as they are told.
const registries: Registry[] = [];
const watches: Watch[] = [];
let seen: Move[] = [];
/** Who left does not come back, so each that joins is a new one. */
let newcomers = 50_000;
let begun: number[] = [];
let made: number[] = [];

subscribe('net.client.socket', (message) => {
  const { socket } = message as { socket: Socket }; // what this channel of Node carries
  begun.push(sharedNow());
  socket.once('connect', () => made.push(sharedNow()));
});

async function open(url: string, count: number): Promise<true> {
  const connected: Promise<void>[] = [];
  for (let i = 0; i < count; i++) {
    const events = new Events();
    connected.push(new Promise((resolve) => events.on('registry', ({ state }) => state === 'connected' && resolve())));
    const scope = { clock: systemClock, random: Math.random, events, metrics: new MemoryMetrics() };
    registries.push(createRedisRegistry('registry', { url })(scope));
  }
  await Promise.all(connected);
  return true;
}

async function watch(services: readonly string[]): Promise<true> {
  registries.forEach((registry, i) => {
    let before: View | undefined;
    const one = registry.watch(services[i % services.length] ?? '', (view) => {
      remember(before, view);
      before = view;
    });
    watches.push(one);
  });
  while (!watches.every(({ view }) => view.state === 'current')) await delay(5);
  return true;
}

/** Notes what is new in a view. The first one is where it starts from. */
function remember(before: View | undefined, view: View): void {
  if (before === undefined || before.state === 'pending') return;
  const at = sharedNow();
  const known = new Set(before.instances.map(({ id }) => id));
  for (const { id } of view.instances) if (!known.delete(id)) seen.push({ id, op: 'join', at });
  for (const id of known) seen.push({ id, op: 'leave', at });
  for (const id of view.suspects) if (!before.suspects.has(id)) seen.push({ id, op: 'doubt', at });
}

async function announce(instances: readonly { readonly service: string; readonly nth: number }[]): Promise<true> {
  const announcements = instances.map(({ service, nth }, i) =>
    registries[i % registries.length]?.announce(instanceOf(service, nth)),
  );
  while (!announcements.every((one) => one?.state === 'announced')) await delay(20);
  return true;
}

async function move(service: string, count: number, pauseMs: number): Promise<Move[]> {
  const moves: Move[] = [];
  for (let i = 0; i < count; i++) {
    const instance = instanceOf(service, newcomers++);
    moves.push({ id: instance.id, op: 'join', at: sharedNow() });
    const announcement = registries[0]?.announce(instance);
    await delay(pauseMs);
    while (announcement?.state !== 'announced') await delay(1);
    moves.push({ id: instance.id, op: 'leave', at: sharedNow() });
    await announcement.leave();
    await delay(pauseMs);
  }
  return moves;
}

function obey(order: CrowdOrder): unknown {
  switch (order.kind) {
    case 'open':
      return open(order.url, order.count);
    case 'watch':
      return watch(order.services);
    case 'announce':
      return announce(order.instances);
    case 'move':
      return move(order.service, order.count, order.pauseMs);
    case 'seen': {
      const moves = seen;
      seen = [];
      return moves;
    }
    case 'knowing':
      return watches.filter(
        ({ view }) => view.state === 'current' && view.instances.length === order.count && view.suspects.size === 0,
      ).length;
    case 'connections': {
      const connections = { begun, made };
      begun = [];
      made = [];
      return connections;
    }
  }
}

process.on(
  'message',
  (order: CrowdOrder) => void Promise.resolve(obey(order)).then((answer) => process.send?.(answer)),
);
process.on('disconnect', () => process.exit());
process.send?.('ready');
