import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import http2, { type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import { createMesh, type Mesh, type MeshOptions } from '../../src/index.ts';
import { start } from './servers.ts';

/** A server of a service that has a mesh, of which it knows this much. */
export interface MeshServer {
  readonly mesh: Mesh;
  readonly url: string;
}

type Served = (mesh: Mesh, req: IncomingMessage, res: ServerResponse) => unknown;
type Options = Partial<Pick<MeshOptions, 'registry' | 'defaults' | 'clock'>> & { readonly http?: 1 | 2 };

/** A mesh whose server serves with `served`, over HTTP/1.1 or, without TLS, HTTP/2. Whoever asks for it closes the mesh. */
export async function meshServer(
  service: string,
  served: Served,
  { http: version = 1, registry = {}, ...options }: Options = {},
): Promise<MeshServer> {
  const mesh = createMesh({ self: { service }, registry, logger: false, ...options });
  const server =
    version === 1
      ? http.createServer(mesh.inbound.listener((req, res) => served(mesh, req, res)))
      : http2.createServer(
          mesh.inbound.listener((req: Http2ServerRequest, res: Http2ServerResponse) =>
            // They have the shape of node:http, which is all that is used of them.
            served(mesh, req as unknown as IncomingMessage, res as unknown as ServerResponse),
          ),
        );
  const { url } = await start(server);
  return { mesh, url };
}
