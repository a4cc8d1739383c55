/**
 * Makes `run` safe to ask for at any rate: one run at a time, and one more afterwards when it was asked for meanwhile, so that the last
 * asker sees the effect of a run that began after it asked. `run` must not reject.
 */
export function oneAtATime(run: () => Promise<void>): () => void {
  let running = false;
  let again = false;
  const ask = (): void => {
    if (running) {
      again = true;
      return;
    }
    running = true;
    void run().then(() => {
      running = false;
      if (!again) return;
      again = false;
      ask();
    });
  };
  return ask;
}
