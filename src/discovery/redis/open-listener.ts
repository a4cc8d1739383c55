import type { Cluster, Redis } from 'ioredis';
import { below, type Random } from '../../core/random.ts';

/** What comes of a listener. */
export interface Listening {
  readonly random: Random;
  message(channel: string, text: string): void;
  /** The node of a Cluster that it listened on is gone; the client may be fine. */
  lost(listener: Redis): void;
}

/**
 * What listens for the messages of `client`: itself where RESP3 lets a connection carry both, else a second connection. When the second one
 * breaks, so does `client`; both are then made anew.
 *
 * In a Cluster every node tells all messages, so a connection to any of them will do, and to another one when it is lost. The client would listen
 * by itself, but it neither notices a node that fell silent nor says that messages were missed.
 */
export async function openListener(client: Redis, listening: Listening): Promise<Redis> {
  const nodes = nodesOf(client);
  if (nodes !== undefined) return listenToOne(nodes, listening);
  if (await speaksResp3(client)) return client;
  return listen(client, listening, () => {
    if (client.status === 'ready') client.disconnect(true);
  });
}

/** The nodes of a Cluster in an order by chance, so that its clients spread over them. */
function nodesOf(client: Redis | Cluster): Redis[] | undefined {
  return 'nodes' in client ? client.nodes() : undefined;
}

async function listenToOne(nodes: Redis[], listening: Listening): Promise<Redis> {
  let failure: unknown = new Error('the cluster has no nodes');
  for (let left = nodes.length; left > 0; left--) {
    const [node] = nodes.splice(below(listening.random, left), 1);
    try {
      if (node !== undefined) return await listen(node, listening, (listener) => listening.lost(listener));
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

async function listen(client: Redis, listening: Listening, lost: (listener: Redis) => void): Promise<Redis> {
  const listener = client.duplicate({ retryStrategy: () => null, enableOfflineQueue: false, readOnly: false });
  listener.on('error', () => {}); // a 'close' follows
  listener.on('message', (channel, text) => listening.message(channel, text));
  await listener.connect();
  listener.on('close', () => lost(listener));
  return listener;
}

async function speaksResp3(client: Redis): Promise<boolean> {
  try {
    const reply = await client.call('HELLO');
    return Array.isArray(reply) && reply[reply.indexOf('proto') + 1] === 3;
  } catch {
    return false; // a server from before HELLO, or one that does not let us ask
  }
}
