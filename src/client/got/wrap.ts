import http, { type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import https from 'node:https';
import type { Got, Options, PlainResponse } from 'got';
import { attachCall, callOf } from '../../core/call-of.ts';
import type { Context } from '../../core/context.ts';
import { ConfigError } from '../../core/errors.ts';
import { assembler } from '../assemble.ts';
import { narrowAttempts } from '../call-limits.ts';
import type { PlacedFilter } from '../filter-stack.ts';
import { nextHop } from '../next-hop.ts';
import { nodeHttpBinding, nodeRequests } from '../node-http/binding.ts';
import { MeshRequest } from '../node-http/mesh-request.ts';
import type { NodeRequest } from '../node-http/node-request.ts';
import { ReplayBody } from '../node-http/replay-body.ts';
import type { Parts } from '../parts.ts';
import { type IsService, serviceOf } from '../service-url.ts';
import { startCall } from '../start-call.ts';
import type { Targets } from '../targets.ts';

interface GotParts {
  readonly parts: Parts;
  readonly targets: Targets;
  readonly isService: IsService;
  readonly filters?: readonly PlacedFilter<NodeRequest, IncomingMessage>[] | undefined;
}

/** Whether this is got, or an instance made by its `extend`. Recognised by its shape: got itself need not be loaded for that. */
export function isGot(client: unknown): client is Got {
  return typeof client === 'function' && 'extend' in client && 'defaults' in client && 'stream' in client;
}

type Transport = NonNullable<Options['request']>;

/** What a call asked for before the mesh took its place as transport. */
interface Asked {
  readonly own: Options['request'];
  readonly maxAttempts: number;
}

/** The calls of one request of the application: got follows redirects itself, by asking its transport again. */
interface Hops {
  /** The call whose redirect is followed, until the next is made. */
  redirected: Context | undefined;
}

/** Where a transport of ours keeps it: options come here a second time when they make the next page, or when got is wrapped twice. */
const ASKED = Symbol('asked');

/** What stands under it: nothing on a transport of somebody else. */
function askedOf(transport: Transport | undefined): Asked | undefined {
  if (transport === undefined) return undefined;
  return Reflect.get(transport, ASKED) as Asked | undefined; // nothing but transportFor writes under this symbol
}

/**
 * The same got, with the mesh as its transport for URLs that name a service. Its options, hooks, streams and errors stay its own; its
 * retries are the mesh's, and `retry.limit` can only lower their number.
 */
export function wrapGot<G extends Got>(client: G, { parts, targets, isService, filters }: GotParts): G {
  const serviceFor = assembler(
    ({ service, settings: { connections }, agents }) => {
      if (connections.http === 2)
        throw new ConfigError(
          `got speaks HTTP/1.1 only, and connections.http of '${service}' is 2: use mesh.client or fetch`,
        );
      return nodeHttpBinding('got', agents, parts.clock);
    },
    parts,
    filters,
  );

  const transportFor = ({ own, maxAttempts }: Asked, hops: Hops): Transport => {
    const send = (url: URL, options: RequestOptions): MeshRequest => {
      const target = targets.of(serviceOf(url));
      const body = new ReplayBody();
      const made = new MeshRequest(body);
      const req: NodeRequest = {
        method: options.method ?? 'GET',
        path: `${url.pathname}${url.search}`,
        options,
        body,
        sending: (one) => made.follow(one),
        cut: (res, reason) => made.cut(res, reason),
      };
      const service = serviceFor(target);
      const ctx = startCall(parts, target, nodeRequests, req);
      narrowAttempts(ctx, maxAttempts);
      if (hops.redirected !== undefined) nextHop(ctx, hops.redirected);
      hops.redirected = undefined;
      // All that got makes of this call leads to its options, and so to here; a redirect comes here again.
      attachCall(transport, ctx, 'latest');
      made.settle(ctx, service(req, ctx));
      return made;
    };
    const transport: Transport = (...given) => {
      const { url, options, callback } = inOneForm(...given);
      if (!isService(url)) return (own ?? plainRequest)(...given);
      const made = send(url, options);
      if (callback !== undefined) made.once('response', callback);
      return made as unknown as ClientRequest; // what got uses of a ClientRequest; the tests of the wrapped got hold it to that
    };
    return Object.assign(transport, { [ASKED]: { own, maxAttempts } });
  };

  const ownDelay = client.defaults.options.retry.calculateDelay;
  /** got retries what is not the mesh's as it did before. Setting `retry.limit` for each call would cost six microseconds. */
  const calculateDelay: typeof ownDelay = (failure) => {
    const { code, options } = failure.error;
    // A hook that asks again is no retry, but comes this way.
    const again = code === 'ERR_RETRYING';
    if (!again && askedOf(options.request) !== undefined) return 0;
    return ownDelay === undefined ? failure.computedValue : ownDelay(failure);
  };

  const wrapped = client.extend({
    retry: { calculateDelay },
    handlers: [
      (options, next) => {
        const { url, retry, followRedirect } = options;
        if (!(url instanceof URL) || !isService(url)) return next(options);
        const own = options.request;
        const hops: Hops = { redirected: undefined };
        const transport = transportFor(
          askedOf(own) ?? { own, maxAttempts: (retry.limit ?? Number.POSITIVE_INFINITY) + 1 },
          hops,
        );
        options.request = transport;
        // A call with a delay of its own comes without ours.
        if (retry.calculateDelay !== calculateDelay) options.retry = { limit: 0 };
        if (followRedirect !== false) {
          options.followRedirect = (response) => {
            const followed =
              staysInMesh(response, isService) && (typeof followRedirect !== 'function' || followRedirect(response));
            if (followed) hops.redirected = callOf(transport);
            return followed;
          };
        }
        return next(options);
      },
    ],
  });
  return wrapped as G; // `extend` with handlers alone changes no type
}

interface OneForm {
  readonly url: URL;
  readonly options: RequestOptions;
  readonly callback: ((response: IncomingMessage) => void) | undefined;
}

/** A cache of got's calls a transport as `http.request` can also be called: with options that hold the address, and without a URL. */
function inOneForm(...[url, options, callback]: Parameters<Transport>): OneForm {
  if (url instanceof URL) return { url, options, callback };
  const [given, listener] = [url, options] as unknown as [RequestOptions, OneForm['callback']];
  const { protocol = 'http:', hostname, port, path } = given;
  const at = `${protocol}//${hostname ?? 'localhost'}${port ? `:${port}` : ''}`;
  return { url: new URL(path ?? '/', at), options: given, callback: listener };
}

/** Whether a redirect leads to a service of the mesh. One that leads out of it is not followed: its response is the answer. */
function staysInMesh(response: PlainResponse, isService: IsService): boolean {
  const { location } = response.headers;
  if (location === undefined || !URL.canParse(location, response.url)) return false;
  return isService(new URL(location, response.url));
}

/** What got does by itself. */
const plainRequest: Transport = (url, options, callback) =>
  (url.protocol === 'https:' ? https : http).request(url, options, callback);
