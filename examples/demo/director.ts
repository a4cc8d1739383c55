import type { Message, Order } from './protocol.ts';

/** The director, as the processes that it started see it. */
export const director = {
  tell(message: Message): void {
    if (process.connected) process.send?.(message);
  },

  hear(obey: (order: Order) => void): void {
    process.on('message', obey);
  },

  /** Lets the process end by itself, once all that it told has arrived. */
  leave(): void {
    const done: Message = { kind: 'done' };
    process.off('disconnect', orphaned);
    if (process.connected) process.send?.(done, () => process.disconnect());
  },
};

function orphaned(): void {
  process.exit(1);
}

// A director that died takes its processes with it, and Ctrl-C is for the director alone.
process.on('disconnect', orphaned);
process.on('SIGINT', () => {});
