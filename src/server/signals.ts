/**
 * Calls `run` for the first of `signals` that the process receives, and then listens for none of them: the next one does what it would
 * do without us, which by Node's default ends the process at once. The function returned stops listening.
 */
export function onFirstSignal(signals: readonly NodeJS.Signals[], run: (signal: NodeJS.Signals) => void): () => void {
  const stop = () => {
    for (const signal of signals) process.off(signal, listener);
  };
  const listener = (signal: NodeJS.Signals) => {
    stop();
    run(signal);
  };
  for (const signal of signals) process.on(signal, listener);
  return stop;
}
