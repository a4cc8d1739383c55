/** The registry that the demo plays with. */
export interface DemoRegistry {
  /** What every mesh of the demo is given. */
  readonly url: string;
  /** What `takeAway` does, in words. */
  readonly loss: string;
  takeAway(): Promise<void>;
  /** Gives it back with nothing in it. */
  giveBack(): Promise<void>;
  /** Ends what was started for it, at once. */
  kill(): void;
}
