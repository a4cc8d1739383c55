import http from 'node:http';
import type { RequestOptions } from 'node:https';
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { SocketsAhead } from '../../src/client/node-http/sockets-ahead.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { deaf, misbehave, nobody, reply, serve } from '../support/servers.ts';
import { until } from './contract.ts';
import { closeAll } from './setup.ts';

afterEach(closeAll);

const sender = { retired: false };

/** Sockets ahead of one agent for one server, and requests that go through the agent. */
function setup({ url }: { readonly url: string }) {
  const clock = new ManualClock();
  const agent = new http.Agent({ keepAlive: true });
  const made: Socket[] = [];
  agent.createConnection = (options) => {
    const socket = connect(options as NetConnectOpts); // as the agent's own does
    made.push(socket);
    return socket;
  };
  const ahead = new SocketsAhead(agent, clock, 4_000);
  onTestFinished(() => {
    ahead.letGo(sender);
    agent.destroy();
  });
  const { hostname: host, port } = new URL(url);
  const address = { host, port: Number(port) };
  const get = (options: RequestOptions = {}) =>
    new Promise<number | undefined>((resolve, reject) => {
      const request = http.get({ ...address, agent, ...options }, (res) => {
        res.resume().once('end', () => resolve(res.statusCode));
      });
      request.once('error', reject);
    });
  return { clock, made, ahead, address, get, make: () => ahead.make(address, sender) };
}

test('the first request goes over the connection that was made ahead, the next over the same, and nothing is left', async () => {
  const server = await serve(reply(200));
  const { clock, get, make } = setup(server);
  await make();
  await make(); // there is one
  expect(await get()).toBe(200);
  expect(await get()).toBe(200);
  await make(); // the agent has one
  expect([server.connections(), server.requests.length, clock.pending]).toEqual([1, 2, 0]);
});

test('a request takes a connection that is still being made', async () => {
  const server = await serve(reply(200));
  const { clock, get, make } = setup(server);
  const made = make();
  expect(await get()).toBe(200);
  await made;
  expect([server.connections(), clock.pending]).toEqual([1, 0]);
});

test('a request that took one which cannot be made fails as it would have', async () => {
  const { get, make } = setup(await nobody());
  const made = make();
  await expect(get()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  await made;
});

test('one that cannot be made, and one that is not within a second, are nothing', async () => {
  const gone = setup(await nobody());
  await gone.make();
  expect(gone.clock.pending).toBe(0);
  const { clock, make } = setup(await deaf());
  const made = make();
  await clock.advance(1_000);
  await made;
  expect(clock.pending).toBe(0);
});

test('one over which the server spoke is not used, nor one that it closed', async () => {
  const server = await misbehave((socket, nth) => {
    if (nth === 1) socket.write('HTTP/1.1 408 Request Timeout\r\n\r\n');
    else if (nth === 3) socket.destroy();
    else socket.once('data', () => socket.end('HTTP/1.1 204 No Content\r\n\r\n'));
  });
  const { clock, made, make, get } = setup(server);
  await make();
  await until(() => made[0]?.readableLength !== 0);
  expect(await get()).toBe(204);
  expect([made.length, made[0]?.destroyed]).toEqual([2, true]);
  await until(() => made[1]?.destroyed === true);
  await make();
  await until(() => made[2]?.destroyed === true);
  expect(clock.pending).toBe(0);
  expect(await get()).toBe(204);
  expect(made).toHaveLength(4);
});

test('a request that looks at the certificate itself does not go over one at which nobody did', async () => {
  const server = await serve(reply(200));
  const { get, make } = setup(server);
  await make();
  const own = { checkServerIdentity: () => undefined };
  expect(await get(own)).toBe(200);
  expect(server.connections()).toBe(2);
});

test('one for who left is closed, and none is made', async () => {
  const server = await serve(reply(200));
  const { clock, made, ahead, address, make } = setup(server);
  await make();
  ahead.letGo({ retired: true });
  expect(made[0]?.destroyed).toBe(false);
  ahead.letGo(sender);
  expect(made[0]?.destroyed).toBe(true);
  await ahead.make(address, { retired: true });
  await until(() => clock.pending === 0);
  expect(made).toHaveLength(1);
});
