import type { Stage } from './stage.ts';

/** One thing that happens to a service sooner or later. */
export interface Phase {
  readonly title: string;
  play(stage: Stage): Promise<void>;
}

/** Who plays from the beginning. */
export const firstPlayers: readonly string[] = ['p1', 'p2', 'p3'];

export const STEADY_PHASE = 'steady';
export const SLOW_PHASE = 'p2 10× slower';

/** What the demo plays, in this order: about 75 s. */
export const phases: readonly Phase[] = [
  {
    title: 'first calls',
    play: (stage) => stage.hold(2_000),
  },
  {
    title: STEADY_PHASE,
    play: (stage) => stage.hold(6_000),
  },
  {
    title: SLOW_PHASE,
    async play(stage) {
      stage.slow('p2', 10);
      await stage.hold(8_000);
      stage.slow('p2', 1);
    },
  },
  {
    title: 'p3 killed',
    async play(stage) {
      stage.kill('p3');
      await stage.hold(8_000);
    },
  },
  {
    title: 'registry is gone',
    async play(stage) {
      await stage.takeRegistryAway();
      await stage.hold(20_000);
    },
  },
  {
    title: 'registry is empty',
    play: (stage) => together(stage.giveRegistryBack(), stage.hold(6_000)),
  },
  {
    title: 'p4 joins',
    play: (stage) => together(stage.join('p4'), stage.hold(6_000)),
  },
  {
    title: 'rolling restart',
    async play(stage) {
      for (const name of stage.players) await stage.restart(name);
      await stage.hold(1_000);
    },
  },
];

async function together(...acts: readonly Promise<void>[]): Promise<void> {
  await Promise.all(acts);
}
