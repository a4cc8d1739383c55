import fc from 'fast-check';
import { expect, test } from 'vitest';
import { resolveHealth } from '../../src/balancer/health-options.ts';
import { NodeSet } from '../../src/balancer/node-set.ts';
import { p2c } from '../../src/balancer/pickers/p2c.ts';
import { Context } from '../../src/core/context.ts';
import type { Endpoint } from '../../src/core/endpoint.ts';
import { Events } from '../../src/core/events.ts';
import { ManualClock, seededRandom } from '../../src/testing/entry.ts';
import { shareOf } from './node-setup.ts';

function endpoint(n: number, more: Partial<Endpoint> = {}): Endpoint {
  const id = `p-${n}`;
  return {
    id,
    service: 'players',
    host: '10.0.0.1',
    port: 8000 + n,
    protocol: 'http',
    attributes: {},
    weight: 1,
    generation: 1,
    ...more,
  };
}

function setup(count: number) {
  const clock = new ManualClock();
  const events = new Events();
  const retired: string[] = [];
  const unreachable: string[] = [];
  const nodes = new NodeSet({
    service: 'players',
    clock,
    random: seededRandom(1),
    events,
    health: resolveHealth('health'),
    picker: p2c(seededRandom(1)),
    unreachable: (id) => unreachable.push(id),
    retired: ({ endpoint }) => retired.push(endpoint.id),
  });
  const none = new Set<string>();
  nodes.update(
    Array.from({ length: count }, (_, i) => endpoint(i)),
    none,
  );
  const ctx = () => new Context('players', { operation: 'GET', idempotent: true }, clock.now());
  const at = (i: number) => {
    const node = nodes.nodes[i];
    if (node === undefined) throw new Error(`there is no node ${i}`);
    return node;
  };
  return { clock, events, nodes, none, ctx, at, retired, unreachable };
}

test('a node keeps its load and health as long as its process stays', () => {
  const { nodes, none, ctx, at, retired } = setup(3);
  const [a, b] = [at(0), at(1)];
  nodes.begin(a, ctx(), 0);
  nodes.report(b, 'unreachable', ctx());
  nodes.update([endpoint(1, { weight: 2 }), endpoint(0), endpoint(7)], none);
  expect(at(1)).toBe(a);
  expect(a.running).toBe(1);
  expect(at(0)).toBe(b);
  expect(b.endpoint.weight).toBe(2);
  expect(nodes.down).toBe(1);
  expect(retired).toEqual(['p-2']);
});

test('F39: a new process under the same id begins anew', () => {
  const { nodes, none, ctx, at, retired } = setup(1);
  const old = at(0);
  nodes.report(old, 'unreachable', ctx());
  expect(nodes.down).toBe(1);
  nodes.update([endpoint(0, { generation: 2 })], none);
  expect(at(0)).not.toBe(old);
  expect(at(0).health.fitness(0)).toBe('up');
  expect(nodes.down).toBe(0);
  expect(retired).toEqual(['p-0']);
});

test('an endpoint of the first fill has its full share; one that joins later is warmed up', () => {
  const { clock, nodes, none, at } = setup(2);
  nodes.update([endpoint(0), endpoint(1), endpoint(2)], none);
  expect([0, 1, 2].map((i) => shareOf(at(i).health, clock.now()))).toEqual([1, 1, 0.1]);
});

test('F50: by rate alone never more than half is taken out, and with more than half out all are used', async () => {
  const { clock, nodes, ctx, at } = setup(4);
  for (let i = 0; i < 4; i++) {
    for (let n = 0; n < 30; n++) nodes.report(at(i), n % 2 === 0 ? 'success' : 'failure', ctx());
  }
  expect(nodes.down).toBe(2);
  expect(nodes.panicking).toBe(false);
  for (let n = 0; n < 5; n++) nodes.report(at(3), 'failure', ctx());
  expect(nodes.down).toBe(3);
  expect(nodes.panicking).toBe(true);
  await clock.advance(0);
});

test('each change of health is an event, told once', () => {
  const { clock, events, nodes, ctx, at, unreachable } = setup(3);
  const seen: unknown[] = [];
  events.on('endpoint', (event) => seen.push(event));
  nodes.report(at(0), 'unreachable', ctx());
  nodes.report(at(0), 'unreachable', ctx());
  expect(seen).toEqual([{ service: 'players', endpoint: 'p-0', health: 'down', reason: 'cannot be reached' }]);
  expect(unreachable).toEqual(['p-0', 'p-0']);
  const probe = ctx();
  nodes.begin(at(0), probe, clock.now() + 10_000);
  nodes.report(at(0), 'success', probe);
  expect(seen[1]).toEqual({ service: 'players', endpoint: 'p-0', health: 'up', reason: 'its probe succeeded' });
  expect(nodes.down).toBe(0);
});

test('whatever comes and goes, a node stays as long as its process, and who is gone is told once', () => {
  const change = fc.uniqueArray(fc.record({ n: fc.nat(12), generation: fc.integer({ min: 1, max: 2 }) }), {
    selector: ({ n }) => n,
    maxLength: 10,
  });
  fc.assert(
    fc.property(fc.array(fc.tuple(change, fc.boolean()), { maxLength: 8 }), (changes) => {
      const { nodes, none, retired } = setup(0);
      /** The same object while nothing new is said, as a registry has it. */
      const said = new Map<string, Endpoint>();
      let gone = 0;
      for (const [listed, ahead] of changes) {
        const before = new Map(nodes.nodes.map((node) => [`${node.endpoint.id} ${node.endpoint.generation}`, node]));
        const endpoints = listed
          .map(({ n, generation }) => {
            const key = `p-${n} ${generation}`;
            const one = said.get(key) ?? endpoint(n, { generation });
            said.set(key, one);
            return one;
          })
          .sort((a, b) => (a.id < b.id ? -1 : 1));
        if (ahead) {
          // Somebody began with other endpoints, and gave up.
          nodes.nodeOf(endpoint(99));
          nodes.adopt(
            endpoints.map((one) => nodes.nodeOf(one)),
            none,
          );
        } else nodes.update(endpoints, none);
        expect(nodes.nodes.map((node) => node.endpoint)).toEqual(endpoints);
        for (const node of nodes.nodes) {
          const kept = before.get(`${node.endpoint.id} ${node.endpoint.generation}`);
          if (kept !== undefined) expect(node).toBe(kept);
          before.delete(`${node.endpoint.id} ${node.endpoint.generation}`);
          expect(node.retired).toBe(false);
        }
        gone += before.size;
        expect(retired.length).toBe(gone);
        for (const node of before.values()) expect(node.retired).toBe(true);
        expect(nodes.answeredAt('p-99')).toBe(Number.NEGATIVE_INFINITY);
      }
    }),
  );
});
