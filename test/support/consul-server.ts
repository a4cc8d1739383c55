import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A service as an agent keeps it: as it was registered. */
export interface Registered {
  readonly ID: string;
  readonly Name: string;
  readonly Address?: string;
  readonly Port: number;
  readonly Meta?: Readonly<Record<string, string>>;
  readonly Tags?: readonly string[];
  readonly Weights?: { readonly Passing: number; readonly Warning: number };
  readonly Locality?: { readonly Region: string; readonly Zone: string };
  readonly Check?: { readonly CheckID: string; readonly TTL: string; readonly Status?: string };
}

/** A check as it stands. */
export interface CheckState {
  readonly CheckID: string;
  readonly Status: string;
  readonly Output: string;
}

/** A request as the agent got it. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly token: string | undefined;
}

interface Waiting {
  readonly service: string;
  readonly answer: () => void;
}

type Refusal = (response: ServerResponse) => void;

/**
 * Speaks what an agent of Consul documents of the health endpoint, blocking queries, and registering with a TTL check. There is one node.
 * Time does nothing here: a check expires, and a wait is over, when the test says so.
 */
export class ConsulServer {
  readonly asked: Asked[] = [];
  readonly services = new Map<string, Registered>();
  /** Of services, by their id, and of the node, under ''. */
  readonly checks = new Map<string, CheckState[]>();
  /** Takes the place of what the health endpoint would answer. */
  body: ((service: string) => unknown) | undefined;
  /** More headers of the answers. */
  headers: Readonly<Record<string, string>> = {};
  /** The token that is good; any is when it is `undefined`. */
  token: string | undefined;
  readonly refusals: Refusal[] = [];
  sticky = false;
  frozen = false;
  /** Answers 500 where later agents answer 404 to a check that they do not know. */
  old = false;
  index = 10;
  /** Keeps registrations on their way until it resolves. */
  registering: Promise<void> = Promise.resolve();
  readonly #waiting = new Set<Waiting>();
  #server: http.Server | undefined;
  #port = 0;

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get host(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** Queries that wait for a change. */
  get waiting(): number {
    return this.#waiting.size;
  }

  get queries(): readonly Asked[] {
    return this.asked.filter(({ path }) => path.startsWith('/v1/health/'));
  }

  async start(): Promise<void> {
    this.#server = http.createServer((request, response) => void this.#answer(request, response));
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port; // a server of TCP has one
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.#waiting.clear();
    if (server === undefined) return;
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }

  /** Registers a service that passes, unless the checks say otherwise. */
  put(service: Registered, ...checks: readonly CheckState[]): void {
    this.services.set(service.ID, service);
    this.checks.set(service.ID, [...checks]);
    this.changed();
  }

  remove(id: string): void {
    this.services.delete(id);
    this.checks.delete(id);
    this.changed();
  }

  check(id: string, ...checks: readonly CheckState[]): void {
    this.checks.set(id, [...checks]);
    this.changed();
  }

  /** Something has changed: whoever waits is answered. */
  changed(index = this.index + 1): void {
    this.index = index;
    this.timeUp();
  }

  /** The wait of all queries is over, with nothing new. */
  timeUp(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    if (!this.frozen) for (const { answer } of waiting) answer();
  }

  refuse(status: number, text: string, headers: Readonly<Record<string, string>> = {}): void {
    this.refusals.push((response) => {
      response.writeHead(status, headers).end(text);
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', 'http://agent');
    const path = decodeURIComponent(url.pathname);
    const token = request.headers['x-consul-token'];
    const method = request.method ?? '';
    this.asked.push({ method, path, query: url.searchParams, token: typeof token === 'string' ? token : undefined });
    if (this.frozen) return;
    if (path === '/v1/agent/service/register') await this.registering;
    const refusal = this.sticky && this.refusals.length === 1 ? this.refusals[0] : this.refusals.shift();
    if (refusal !== undefined) refusal(response);
    else if (this.token !== undefined && token !== this.token) response.writeHead(403).end('Permission denied');
    else if (path.startsWith('/v1/health/service/')) this.#health(path.slice(19), url.searchParams, response);
    else if (path === '/v1/catalog/services') this.#catalog(response);
    else if (path.startsWith('/v1/agent/'))
      this.#agent(method, path.slice(10), url.searchParams, await textOf(request), response);
    else response.writeHead(404).end();
  }

  #health(service: string, query: URLSearchParams, response: ServerResponse): void {
    const answer = () => {
      response.writeHead(200, {
        'content-type': 'application/json',
        'x-consul-index': String(this.index),
        ...this.headers,
      });
      response.end(JSON.stringify(this.body === undefined ? this.#entries(service, query) : this.body(service)));
    };
    const index = Number(query.get('index') ?? 0);
    if (index === 0 || index < this.index) {
      answer();
      return;
    }
    const waiting: Waiting = { service, answer };
    this.#waiting.add(waiting);
    response.on('close', () => this.#waiting.delete(waiting));
  }

  #entries(service: string, query: URLSearchParams): readonly unknown[] {
    const tags = [...(query.get('filter') ?? '').matchAll(/"([^"]*)" in Service\.Tags/g)].map(([, tag = '']) => tag);
    const listed = [...this.services.values()].filter(
      ({ Name, Tags = [] }) => Name === service && tags.every((tag) => Tags.includes(tag)),
    );
    return listed.map(
      ({ ID, Name, Address = '', Port, Meta = {}, Tags = [], Weights = { Passing: 1, Warning: 1 }, Locality }) => ({
        Node: { Node: 'node-1', Address: '10.9.9.9', Datacenter: 'dc1' },
        Service: { ID, Service: Name, Address, Port, Meta, Tags, Weights, Locality },
        Checks: [...(this.checks.get('') ?? []), ...(this.checks.get(ID) ?? [])],
      }),
    );
  }

  #catalog(response: ServerResponse): void {
    const names = Object.fromEntries([...this.services.values()].map(({ Name }) => [Name, []]));
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ consul: [], ...names }));
  }

  #agent(method: string, path: string, query: URLSearchParams, body: string, response: ServerResponse): void {
    const [, what = '', id = ''] =
      /^(service\/register|service\/deregister|check\/pass|check\/fail|service)\/?(.*)$/.exec(path) ?? [];
    const known = this.services.get(id);
    if (what === 'service' && method === 'GET') {
      if (known === undefined) response.writeHead(404).end(`unknown service ID: ${id}`);
      else response.writeHead(200).end(JSON.stringify({ ...known, Service: known.Name }));
      return;
    }
    if (what === 'service/register') {
      const service = JSON.parse(body) as Registered; // what the mesh sends
      if (!acceptsMeta(service.Meta)) {
        response.writeHead(400).end('Invalid Service Meta');
        return;
      }
      const { CheckID = '', Status = 'critical' } = service.Check ?? {};
      this.put(service, { CheckID, Status, Output: '' });
    } else if (what === 'service/deregister') {
      this.remove(id);
    } else {
      const service = id.replace(/^service:/, '');
      const check = this.checks.get(service)?.find(({ CheckID }) => CheckID === id);
      if (check === undefined) {
        response.writeHead(this.old ? 500 : 404);
        response.end(this.old ? `CheckID "${id}" does not have associated TTL` : `Unknown check ID "${id}"`);
        return;
      }
      const Status = what === 'check/pass' ? 'passing' : 'critical';
      const Output = query.get('note') ?? '';
      if (check.Status !== Status || check.Output !== Output) this.check(service, { CheckID: id, Status, Output });
    }
    response.writeHead(200).end();
  }
}

/** What an agent keeps as metadata, as it documents it. */
function acceptsMeta(meta: Readonly<Record<string, string>> = {}): boolean {
  const pairs = Object.entries(meta);
  const fits = ([key, value]: [string, string]) =>
    /^[\w-]{1,128}$/.test(key) && !key.startsWith('consul-') && Buffer.byteLength(value) <= 512;
  return pairs.length <= 64 && pairs.every(fits);
}

async function textOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer); // nobody has set an encoding
  return Buffer.concat(pieces).toString();
}
