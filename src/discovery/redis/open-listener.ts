import type { Redis } from 'ioredis';

/**
 * What listens for the messages of `client`: itself where RESP3 lets a connection carry both, else a second connection. When the second one
 * breaks, so does `client`; both are then made anew.
 */
export async function openListener(client: Redis, message: (channel: string, text: string) => void): Promise<Redis> {
  if (client.isCluster || (await speaksResp3(client))) return client;
  const second = client.duplicate({ retryStrategy: () => null });
  second.on('error', () => {}); // a 'close' follows
  second.on('message', message);
  await second.connect();
  second.on('close', () => {
    if (client.status === 'ready') client.disconnect(true);
  });
  return second;
}

async function speaksResp3(client: Redis): Promise<boolean> {
  try {
    const reply = await client.call('HELLO');
    return Array.isArray(reply) && reply[reply.indexOf('proto') + 1] === 3;
  } catch {
    return false; // a server from before HELLO, or one that does not let us ask
  }
}
