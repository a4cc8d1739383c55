import type { HealthReport } from './protocol.ts';
import type { PhaseRow } from './tally.ts';

/** What there is to see at one moment. */
export interface Scene {
  /** The registry that is played with. */
  readonly registry: string;
  readonly elapsedMs: number;
  /** The phases that have begun; the last one is playing. */
  readonly rows: readonly PhaseRow[];
  /** The titles of those to come. */
  readonly toCome: readonly string[];
  readonly lastSecond: PhaseRow;
  readonly health: HealthReport | undefined;
}

/** Shows the demo while it plays. */
export interface View {
  /** A phase begins. */
  phase(scene: Scene): void;
  /** Something happened. */
  said(text: string, scene: Scene): void;
  /** Called four times a second. */
  tick(scene: Scene): void;
  /** Nothing more will come. */
  close(): void;
}

/** For those who want only the result. */
export const noView: View = { phase() {}, said() {}, tick() {}, close() {} };
