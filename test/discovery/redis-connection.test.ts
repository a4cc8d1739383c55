import { EventEmitter } from 'node:events';
import { Writable } from 'node:stream';
import type { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { Reach } from '../../src/discovery/reach.ts';
import { Connection } from '../../src/discovery/redis/connection.ts';
import { beat } from '../../src/discovery/redis/scripts.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { settled } from '../support/harness.ts';
import { createScope } from './setup.ts';

/** A client as far as a connection looks at it; what it was asked by HELLO waits for an answer. */
class Client extends EventEmitter {
  readonly asked: ((protocol: number) => void)[] = [];
  readonly writes: string[] = [];
  readonly stream = new Writable({
    decodeStrings: false,
    write: (piece, _, done) => done(void this.writes.push(piece)),
    writev: (pieces, done) => done(void this.writes.push(pieces.map(({ chunk }) => chunk).join(' '))),
  });
  connect = async () => {};
  evalsha = async (...words: unknown[]) => this.stream.write(String(words.at(-1)));
  info = async () => '';
  disconnect = () => {};
  call = () => new Promise((resolve) => this.asked.push((protocol) => resolve(['proto', protocol])));
}

/** A connection whose client is moved by hand, and what its one user was told. */
async function setup() {
  const clock = new ManualClock();
  const scope = createScope(clock);
  const client = new Client();
  const opened = Promise.resolve(client as unknown as Redis); // all that is used of it
  const connection = new Connection(() => opened, scope, new Reach('redis', scope));
  const told: string[] = [];
  connection.use({ ready: () => told.push('ready'), lost: (reason) => told.push(reason) });
  await clock.advance(0);
  return { clock, client, connection, told };
}

test('what is sent in one turn goes out in one write', async () => {
  const { clock, client, connection } = await setup();
  client.emit('ready');
  client.asked[0]?.(3);
  await clock.advance(0);
  for (const id of ['a', 'b', 'c']) void connection.run(beat, [], [id]);
  await settled();
  void connection.run(beat, [], ['d']);
  await settled();
  expect(client.writes).toEqual(['a b c', 'd']);
  connection.close();
});

test('a server that takes its time over the first answer is said to be silent, and used as soon as it answers', async () => {
  const { clock, client, connection, told } = await setup();
  await clock.advance(2_400);
  client.emit('ready');
  await clock.advance(200);
  expect(told).toEqual(['connected, and no answer yet']);
  for (const answer of client.asked) answer(3);
  await clock.advance(0);
  expect([connection.ready, told.at(-1)]).toEqual([true, 'ready']);
  connection.close();
  expect(clock.pending).toBe(0);
});

test('F9: what was asked of a connection that closed is not believed', async () => {
  const { clock, client, connection, told } = await setup();
  client.emit('ready');
  client.emit('close');
  client.asked[0]?.(3);
  await clock.advance(0);
  expect([connection.ready, told]).toEqual([false, ['the connection was closed']]);
  client.emit('ready');
  client.asked[1]?.(3);
  await clock.advance(0);
  expect([connection.ready, told.at(-1)]).toEqual([true, 'ready']);
  connection.close();
});
