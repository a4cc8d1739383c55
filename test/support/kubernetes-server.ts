import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';

/** What an endpoint of a slice says of itself. */
export interface EndpointFields {
  readonly address: string;
  readonly pod?: string;
  readonly ready?: boolean | null;
  readonly terminating?: boolean | null;
  readonly zone?: string;
  readonly node?: string;
  /** What it is an endpoint of, when that is no pod. */
  readonly target?: { readonly kind: string; readonly name: string; readonly uid: string };
}

/** A slice as the API server keeps it, but for its version. */
export type SliceObject = Readonly<Record<string, unknown>> & {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
  };
};

/** A request as the server got it. */
export interface Asked {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly authorization: string | undefined;
  readonly accept: string | undefined;
}

interface Watcher {
  readonly from: number;
  readonly namespace: string;
  readonly service: string | undefined;
  readonly response: ServerResponse;
}

interface Happened {
  readonly version: number;
  readonly namespace: string;
  readonly service: string | undefined;
  readonly line: string;
}

type Refusal = (request: IncomingMessage, response: ServerResponse) => void;

/** A slice of `players` in the namespace `default`, unless it is told otherwise. */
export function sliceOf(
  name: string,
  endpoints: readonly EndpointFields[],
  fields: { service?: string; namespace?: string; addressType?: string; ports?: unknown } = {},
): SliceObject {
  const { service = 'players', namespace = 'default', addressType = 'IPv4' } = fields;
  return {
    metadata: { name, namespace, labels: { 'kubernetes.io/service-name': service } },
    addressType,
    ports: 'ports' in fields ? fields.ports : [{ name: 'http', protocol: 'TCP', port: 8080 }],
    endpoints: endpoints.map(({ address, pod, ready, terminating, zone, node, target }) => ({
      addresses: [address],
      conditions: { ready: ready ?? null, terminating: terminating ?? null },
      ...(pod === undefined ? {} : { targetRef: { kind: 'Pod', name: pod, uid: `uid-of-${pod}` } }),
      ...(target === undefined ? {} : { targetRef: target }),
      ...(zone === undefined ? {} : { zone }),
      ...(node === undefined ? {} : { nodeName: node }),
    })),
  };
}

/**
 * Speaks what the API server of Kubernetes documents of listing and watching EndpointSlices: pages, versions, bookmarks, versions that are
 * too old, tokens. Everything that goes wrong is done by the test.
 */
export class KubernetesServer {
  readonly asked: Asked[] = [];
  /** The token that is good; any is when it is `undefined`. */
  token: string | undefined;
  /** How it tells that a version is too old. */
  gone: 'status' | 'event' = 'event';
  /** Answers the next requests instead, one each; a last one that is `sticky` all that follow. */
  readonly refusals: Refusal[] = [];
  sticky = false;
  /** Takes requests, and says nothing. */
  frozen = false;
  readonly #tls: { readonly key: string; readonly cert: string } | undefined;
  readonly #slices = new Map<string, { readonly object: SliceObject; readonly version: number }>();
  readonly #watchers = new Set<Watcher>();
  #history: Happened[] = [];
  #oldest = 0;
  #version = 100;
  #server: http.Server | undefined;
  #port = 0;

  constructor(tls?: { readonly key: string; readonly cert: string }) {
    this.#tls = tls;
  }

  get url(): string {
    return this.#tls === undefined ? `http://127.0.0.1:${this.#port}` : `https://localhost:${this.#port}`;
  }

  /** Watches that are open. */
  get watching(): number {
    return this.#watchers.size;
  }

  get lists(): readonly Asked[] {
    return this.asked.filter(({ query }) => !query.has('watch'));
  }

  get watches(): readonly Asked[] {
    return this.asked.filter(({ query }) => query.has('watch'));
  }

  /** Starts, on the port that it had before when it had one. */
  async start(): Promise<void> {
    const answer = (request: IncomingMessage, response: ServerResponse) => this.#answer(request, response);
    this.#server = this.#tls === undefined ? http.createServer(answer) : https.createServer(this.#tls, answer);
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port; // a server of TCP has one
  }

  /** Stops, and breaks off all watches. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.#watchers.clear();
    if (server === undefined) return;
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }

  /** Shows another certificate from now on. */
  certify(tls: { readonly key: string; readonly cert: string }): void {
    if (this.#server instanceof https.Server) this.#server.setSecureContext(tls);
  }

  /** Adds or replaces slices. */
  put(...slices: readonly SliceObject[]): void {
    for (const object of slices) {
      const key = keyOf(object);
      const type = this.#slices.has(key) ? 'MODIFIED' : 'ADDED';
      this.#slices.set(key, { object, version: ++this.#version });
      this.#happened(type, object);
    }
  }

  delete(name: string, namespace = 'default'): void {
    const known = this.#slices.get(`${namespace}/${name}`);
    if (known === undefined) return;
    this.#slices.delete(`${namespace}/${name}`);
    this.#version++;
    this.#happened('DELETED', known.object);
  }

  /** Loses a slice without a word: what happens between two lists. */
  lose(name: string, namespace = 'default'): void {
    this.#slices.delete(`${namespace}/${name}`);
    this.#version++;
  }

  /** Forgets all that happened so far: watches from before are too old. */
  forget(): void {
    this.#oldest = ++this.#version;
    this.#history = [];
  }

  /** Goes back to an earlier version, as one that was restored from a copy of its data. */
  rewind(to: number): void {
    this.#version = to;
    this.#history = [];
    this.breakWatches();
  }

  /** Tells all open watches that nothing else happened; not those of a version that it has not reached. */
  bookmark(): void {
    const version = ++this.#version;
    const line = `${this.#line('BOOKMARK', { metadata: {} }, version)}\n`;
    for (const { from, response } of this.#watchers) if (version > from) response.write(line);
  }

  /** Writes to all open watches, as it is. */
  say(text: string | Buffer): void {
    for (const { response } of this.#watchers) response.write(text);
  }

  /** Ends all open watches well. */
  endWatches(): void {
    for (const { response } of this.#watchers) response.end();
    this.#watchers.clear();
  }

  /** Breaks all open watches off. */
  breakWatches(): void {
    for (const { response } of this.#watchers) response.destroy();
    this.#watchers.clear();
  }

  /** Refuses the next request with a status. */
  refuse(status: number, headers: Readonly<Record<string, string>> = {}, message = `refused with ${status}`): void {
    this.refusals.push((_, response) => {
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(JSON.stringify({ kind: 'Status', status: 'Failure', code: status, message }));
    });
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '', 'http://server');
    const { authorization, accept } = request.headers;
    this.asked.push({ path: url.pathname, query: url.searchParams, authorization, accept });
    if (this.frozen) return;
    const refusal = this.sticky && this.refusals.length === 1 ? this.refusals[0] : this.refusals.shift();
    if (refusal !== undefined) {
      refusal(request, response);
      return;
    }
    if (this.token !== undefined && authorization !== `Bearer ${this.token}`) {
      response.writeHead(401, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ kind: 'Status', status: 'Failure', code: 401, message: 'Unauthorized' }));
      return;
    }
    const namespace = /^\/apis\/discovery\.k8s\.io\/v1\/namespaces\/([^/]+)\/endpointslices$/.exec(url.pathname)?.[1];
    if (namespace === undefined) {
      response.writeHead(404).end('404 page not found');
      return;
    }
    const service = url.searchParams.get('labelSelector')?.replace('kubernetes.io/service-name=', '');
    if (url.searchParams.get('watch') === '1') this.#watch(namespace, service, url.searchParams, response);
    else this.#list(namespace, service, url.searchParams, response);
  }

  #list(namespace: string, service: string | undefined, query: URLSearchParams, response: ServerResponse): void {
    const all = [...this.#slices.values()].filter(({ object }) => selects(object, namespace, service));
    const [offset = 0, version = this.#version] = (query.get('continue') ?? '').split(':').filter(Boolean).map(Number);
    if (version < this.#oldest) {
      response.writeHead(410, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({
          kind: 'Status',
          code: 410,
          reason: 'Expired',
          message: 'The provided continue parameter is too old',
        }),
      );
      return;
    }
    const end = offset + Number(query.get('limit') ?? all.length);
    const items = all.slice(offset, end).map((one) => withVersion(one.object, one.version));
    const more = end < all.length ? `${end}:${version}` : '';
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify({
        kind: 'EndpointSliceList',
        metadata: { resourceVersion: String(version), continue: more },
        items: items.length === 0 ? null : items,
      }),
    );
  }

  #watch(namespace: string, service: string | undefined, query: URLSearchParams, response: ServerResponse): void {
    const from = Number(query.get('resourceVersion'));
    const tooOld = { kind: 'Status', code: 410, reason: 'Expired', message: `too old resource version: ${from}` };
    if (from < this.#oldest && this.gone === 'status') {
      response.writeHead(410, { 'content-type': 'application/json' }).end(JSON.stringify(tooOld));
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    if (from < this.#oldest) {
      response.end(`${JSON.stringify({ type: 'ERROR', object: tooOld })}\n`);
      return;
    }
    const watcher: Watcher = { from, namespace, service, response };
    this.#watchers.add(watcher);
    response.on('close', () => this.#watchers.delete(watcher));
    for (const one of this.#history) tell(watcher, one);
  }

  #happened(type: string, object: SliceObject): void {
    const { namespace, labels } = object.metadata;
    const service = labels['kubernetes.io/service-name'];
    const one: Happened = { version: this.#version, namespace, service, line: this.#line(type, object, this.#version) };
    this.#history.push(one);
    if (!this.frozen) for (const watcher of this.#watchers) tell(watcher, one);
  }

  #line(type: string, object: { readonly metadata: object }, version: number): string {
    return JSON.stringify({ type, object: withVersion(object, version) });
  }
}

function tell({ from, namespace, service, response }: Watcher, one: Happened): void {
  if (one.version > from && one.namespace === namespace && one.service === service) response.write(`${one.line}\n`);
}

function keyOf({ metadata }: SliceObject): string {
  return `${metadata.namespace}/${metadata.name}`;
}

function selects({ metadata }: SliceObject, namespace: string, service: string | undefined): boolean {
  const own = metadata.labels['kubernetes.io/service-name'];
  return metadata.namespace === namespace && (service === undefined || own === service);
}

function withVersion(object: { readonly metadata: object }, version: number): object {
  return { kind: 'EndpointSlice', ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
}
