import type { Redis } from 'ioredis';

/**
 * Has all that is sent in this turn of the event loop go out in one write. A server that is woken up once for fifty commands has a third of the
 * work that it has with fifty: most of what a small command costs is the waking up. A Cluster has a socket for each node, and is left alone.
 */
export function inOneWrite({ stream }: Partial<Pick<Redis, 'stream'>>): void {
  if (stream === undefined || stream.writableCorked > 0) return;
  stream.cork();
  process.nextTick(() => stream.uncork());
}
