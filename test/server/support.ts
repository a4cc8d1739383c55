import http from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import type { Self } from '../../src/core/self.ts';
import type { Announcement, Instance, Registry, View, Watch } from '../../src/discovery/registry.ts';

export const self: Self = { service: 'teams', id: 'teams-1', generation: 100, attributes: { zone: 'eu-1a' } };

export interface Reply {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

/** One request over a real connection of its own, or over one of `options.agent`. Rejects when the reply is cut off. */
export function send(port: number, options: http.RequestOptions = {}, body = ''): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const req = http.request({ host: '127.0.0.1', port, agent: false, ...options }, (res) => {
      let text = '';
      res.setEncoding('utf8');
      res.on('data', (chunk: string) => {
        text += chunk;
      });
      res.on('error', reject);
      res.on('end', () => resolve({ status: res.statusCode ?? 0, headers: res.headers, body: text }));
    });
    req.on('error', reject);
    req.end(body);
  });
}

/** Lets `server` listen on a free port of the loopback. */
export function listen(server: Server, host = '127.0.0.1'): Promise<number> {
  return new Promise((resolve) => server.listen(0, host, () => resolve(portOf(server))));
}

export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port; // these servers all listen on a port
}

/** The smallest registry there can be: remembers what is said to it, in order. */
export class FakeRegistry implements Registry {
  readonly name = 'fake';
  readonly said: string[] = [];
  readonly announced: Instance[] = [];
  /** What `state` of an announcement says. */
  state: Announcement['state'] = 'announced';
  /** What a `leave` waits for. */
  leaving: Promise<void> = Promise.resolve();

  announce(instance: Instance): Announcement {
    this.said.push(`announce ${instance.id}`);
    this.announced.push(instance);
    const { said } = this;
    const registry = this;
    return {
      instance,
      get state() {
        return registry.state;
      },
      leave: () => {
        said.push(`leave ${instance.id}`);
        return registry.leaving;
      },
    };
  }

  watch(): Watch {
    const view: View = {
      state: 'pending',
      instances: [],
      suspects: new Set(),
      revision: 0,
      asOf: Number.NaN,
      reason: 'it is fake',
    };
    return { view, failed: () => undefined, close: () => undefined };
  }

  async services(): Promise<readonly string[]> {
    return [];
  }

  async close(): Promise<void> {}
}
