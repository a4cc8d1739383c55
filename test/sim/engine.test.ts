import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { CentralQueue } from '../../bench/sim/central-queue.ts';
import { Engine } from '../../bench/sim/engine.ts';
import { Heap } from '../../bench/sim/heap.ts';
import { type Job, Server } from '../../bench/sim/server.ts';
import { Tally } from '../../bench/sim/tally.ts';

test('a heap gives back everything, the least first', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.nat(100), fc.constant('out' as const))), (steps) => {
      const heap = new Heap<number>();
      let model: number[] = [];
      for (const step of steps) {
        if (step === 'out') {
          model = model.toSorted((a, b) => a - b);
          expect(heap.pop()).toBe(model.shift());
        } else {
          heap.push(step, step);
          model.push(step);
        }
        expect([heap.size, heap.key]).toEqual([model.length, Math.min(...model)]);
      }
    }),
  );
});

test('events of lanes and of the heap happen in the order of their moments, and what was cancelled does not', () => {
  const event = fc.record({ at: fc.nat(50), lane: fc.nat(2), cancelled: fc.boolean() });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 3000 }), (events) => {
      const engine = new Engine();
      const lanes = [engine.lane(7), engine.lane(30)];
      const happened: number[] = [];
      const expected: number[] = [];
      for (const { at, lane, cancelled } of events) {
        const delayMs = lanes[lane]?.delayMs ?? 0;
        if (!cancelled) expected.push(at + delayMs);
        engine.schedule(at, () => {
          const happen = () => happened.push(engine.now());
          if (lanes[lane] === undefined) {
            const timer = engine.after(0, happen);
            if (cancelled) timer.cancel();
          } else {
            const place = lanes[lane].add(engine.now(), happen);
            if (cancelled) lanes[lane].cancel(place);
          }
        });
      }
      engine.run();
      expect(happened).toEqual(expected.toSorted((a, b) => a - b));
    }),
    { numRuns: 50 },
  );
});

/** When jobs of `works` that come at 0 are done. */
function doneAt(
  discipline: 'fifo' | 'sharing',
  workers: number,
  works: readonly number[],
  then: (server: Server, engine: Engine) => void = () => {},
): readonly string[] {
  const engine = new Engine();
  const server = new Server({ index: 0, engine, random: () => 0.5, workers, discipline, busyLoop: false });
  const done: string[] = [];
  then(server, engine);
  for (const workMs of works) {
    const answer = (outcome: string) => done.push(`${workMs}: ${outcome} at ${+engine.now().toFixed(6)}`);
    server.arrive({ workMs, arrivedAt: 0, others: -1, abandoned: false, limit: undefined, answer });
  }
  engine.run();
  return done;
}

test('a server of two workers begins a third job when the first is done', () => {
  expect(doneAt('fifo', 2, [10, 30, 5])).toEqual(['10: success at 10', '5: success at 15', '30: success at 30']);
});

test('a server that shares two workers among three works on each at two thirds of its speed, and faster when one is done', () => {
  expect(doneAt('sharing', 2, [10, 30, 10])).toEqual(['10: success at 15', '10: success at 15', '30: success at 35']);
});

test.each(['fifo', 'sharing'] as const)('a job under way (%s) feels a change of speed, and a pause', (discipline) => {
  const change = (server: Server, engine: Engine) => {
    engine.schedule(4, () => {
      server.speed = 0.5;
    });
    engine.schedule(8, () => server.pause(100));
    engine.schedule(20, () => {
      server.speed = 2;
    });
  };
  // 4 at full speed, 2 at half of it, nothing for 100 ms, and the last 14 twice as fast.
  expect(doneAt(discipline, 1, [20], change)).toEqual(['20: success at 115']);
});

test('one that fails, hangs, or takes as long for each needs no worker', () => {
  expect(doneAt('fifo', 1, [10, 20], (server) => Object.assign(server, { failRatio: 1, failMs: 1 }))).toEqual([
    '10: failure at 1',
    '20: failure at 1',
  ]);
  expect(doneAt('fifo', 1, [10, 20], (server) => Object.assign(server, { fixedMs: 50 }))).toEqual([
    '10: success at 50',
    '20: success at 50',
  ]);
  expect(doneAt('fifo', 1, [10, 20], (server) => Object.assign(server, { hanging: true }))).toEqual([]);
});

/** A server, and a job for it of which it is written when and how it is answered, and with how many in flight the server then is. */
function watched(workers: number, busyLoop: boolean) {
  const engine = new Engine();
  const server = new Server({ index: 0, engine, random: () => 0.5, workers, discipline: 'fifo', busyLoop });
  const said: string[] = [];
  const job = (workMs: number, limit?: number): Job => ({
    workMs,
    arrivedAt: 0,
    others: -1,
    abandoned: false,
    limit,
    answer: (answer) => said.push(`${answer} at ${engine.now()}, ${server.load()?.rif ?? 'no'} others`),
  });
  return { engine, server, said, job };
}

test('what comes while a server stands still is neither counted nor refused before it goes on', () => {
  const { engine, server, said, job } = watched(1, false);
  // What it takes when it is idle, and that it takes longer with one more.
  for (let i = 0; i < 64; i++) engine.schedule(100 * (i >> 1), () => server.arrive(job(10)));
  engine.schedule(4_100, () => server.arrive(job(10)));
  engine.schedule(4_105, () => {
    said.length = 0;
    server.pause(50);
    server.arrive(job(10, 0));
  });
  engine.run();
  expect(said[0]).toMatch(/^busy at 4155, /);
});

test('a process with one thread notices what came while it worked only between two jobs', () => {
  const answers = (busyLoop: boolean) => {
    const { engine, server, said, job } = watched(1, busyLoop);
    for (const at of [0, 5, 12]) engine.schedule(at, () => server.arrive(job(10)));
    engine.run();
    return said;
  };
  expect(answers(false)).toEqual(['success at 10, 1 others', 'success at 20, 1 others', 'success at 30, 0 others']);
  expect(answers(true)).toEqual(['success at 10, 0 others', 'success at 20, 0 others', 'success at 30, 0 others']);
});

test('what its caller gave up is worked on, but no part of the load that a server reports', () => {
  const { engine, server, said, job } = watched(1, false);
  const [first, second, third] = [job(10), job(1_000), job(10)];
  server.arrive(first);
  server.arrive(second);
  server.arrive(third);
  engine.schedule(5, () => server.abandon(second));
  engine.run();
  expect(said).toEqual(['success at 10, 1 others', 'success at 1010, 1 others', 'success at 1020, 0 others']);
  server.abandon(third);
  // The mean of 10 and 1,020 ms: the second is none of them.
  expect(server.load()).toEqual({ rif: 0, serviceMs: 515 });

  server.pause(10);
  const late = job(10);
  server.arrive(late);
  server.abandon(late);
  engine.run();
  expect(server.load()?.rif).toBe(0);
});

/** How long a central queue before two servers has calls of 10 ms wait and work that all come at once: the longest. */
function longestOf(calls: number, prepare: (servers: readonly [Server, Server]) => void): number {
  const engine = new Engine();
  const server = (index: number) =>
    new Server({ index, engine, random: () => 0.5, workers: 1, discipline: 'fifo', busyLoop: false });
  const servers = [server(0), server(1)] as const;
  const tally = new Tally();
  const queue = new CentralQueue(engine, servers, tally, 0, 1_000);
  prepare(servers);
  for (let i = 0; i < calls; i++) queue.call(10, true, () => {});
  engine.run();
  return tally.summary().p999;
}

test('a central queue gives nothing to one that stands still, and leaves a slow one alone until much waits', () => {
  expect(longestOf(2, () => {})).toBe(10);
  expect(longestOf(2, ([first]) => first.pause(100))).toBe(20);
  const all = (servers: readonly Server[]) => {
    for (const server of servers) server.pause(50);
  };
  expect(longestOf(2, all)).toBe(60);
  const slow = ([, second]: readonly [Server, Server]) => {
    second.speed = 0.1;
  };
  expect(longestOf(4, slow)).toBe(40);
  expect(longestOf(8, slow)).toBe(100);
});
