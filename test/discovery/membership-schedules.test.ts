import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RESYNC, SETTLED, World } from './world/world.ts';

/** `npm run test:long` sets it. */
const SCHEDULES = process.env['HEDDLE_LONG'] === undefined ? 10_000 : 100_000;

interface Step {
  readonly text: string;
  readonly run: (world: World) => void;
}

const ids = ['a', 'b', 'c', 'd', 'e', 'f'];
const id = fc.constantFrom(...ids);
const which = fc.constantFrom(0 as const, 1 as const);
const pause = fc.constantFrom(100, 1_000, 5_000, 12_000, 35_000, 70_000, 200_000);

/** One thing that can happen, as fast-check writes it into the schedule of a failure. */
function command<T>(name: string, of: fc.Arbitrary<T>, run: (world: World, of: T) => void): fc.Arbitrary<Step> {
  return of.map((value) => ({ text: `${name} ${JSON.stringify(value)}`, run: (world) => run(world, value) }));
}

const steps: readonly fc.Arbitrary<Step>[] = [
  command('join', id, (world, one) => world.join(one)),
  command('join', id, (world, one) => world.join(one)),
  command('leave', id, (world, one) => world.leave(one)),
  command('join all', fc.constant(0), (world) => {
    for (const one of ids) world.join(one);
  }),
  command('kill', id, (world, one) => world.kill(one)),
  command('calls fail', which, (world, one) => world.blip(one)),
  command('calls fail', which, (world, one) => world.blip(one)),
  command('drain', id, (world, one) => world.drain(one)),
  command('flush', fc.constant(0), (world) => world.flush()),
  command('redis up', fc.boolean(), (world, up) => world.redis(up)),
  command('cut owner', fc.tuple(id, fc.boolean()), (world, [one, cut]) => world.cutOwner(one, cut)),
  command('cut follower', fc.tuple(which, fc.boolean()), (world, [one, cut]) => world.cutFollower(one, cut)),
  command('deafen', fc.tuple(which, fc.boolean()), (world, [one, deaf]) => world.deafen(one, deaf)),
  command('sleep', fc.tuple(which, fc.boolean()), (world, [one, asleep]) => world.sleep(one, asleep)),
  command('replicate', fc.constant(0), (world) => world.replicate()),
  command('failover noticed', fc.boolean(), (world, noticed) => world.failover(noticed)),
  command('clock jump', fc.constantFrom(-600_000, 600_000), (world, ms) => world.jump(ms)),
  command('hold', fc.constant(0), (world) => world.hold()),
  command('release reordered, twice', fc.constant(0), (world) => world.release()),
  command('replay', fc.double({ min: 0, max: 0.999, noNaN: true }), (world, part) => world.replay(part)),
  command('heal', fc.constant(0), (world) => world.heal()),
  command('wait', pause, (world, ms) => world.wait(ms)),
  command('wait', pause, (world, ms) => world.wait(ms)),
  command('wait', pause, (world, ms) => world.wait(ms)),
];

const schedule = fc
  .array(fc.oneof(...steps), { minLength: 5, maxLength: 30 })
  .map((all) => ({ steps: all, toString: () => all.map(({ text }) => text).join('; ') }));

/** Those of whom a follower is certain. */
const certain = ({ view: { instances, suspects } }: World['followers'][0]) =>
  new Set(instances.map((one) => one.id).filter((one) => !suspects.has(one)));

test(`whatever happens, in ${SCHEDULES} schedules: who lives stays, who left is gone at once, who died goes in time, all agree in the end`, () => {
  fc.assert(
    fc.property(schedule, ({ steps: all }) => {
      const world = new World();
      for (const { run } of all) run(world);
      world.heal();
      world.wait(RESYNC);
      for (const follower of world.followers)
        expect(world.alive.filter((one) => !certain(follower).has(one))).toEqual([]);
      world.wait(SETTLED + RESYNC + world.setBackMs);
      const [one, ...others] = world.alive;
      if (one === undefined) return;
      for (const { view } of world.followers)
        expect(view.instances.filter(({ id, generation }) => !world.answers(id, generation))).toEqual([]);
      // The world is not as patient with the death of a single one while all is well.
      if (others.length > 0) world.kill(one);
      world.wait(RESYNC + SETTLED);
    }),
    { numRuns: SCHEDULES, verbose: 1 },
  );
}, 600_000);
