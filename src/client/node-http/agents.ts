import http from 'node:http';
import https from 'node:https';
import { ClosedError } from '../../core/errors.ts';

/** The connections of clients that are built on `node:http` and bring no agent of their own. */
export class NodeAgents {
  readonly http: http.Agent = new http.Agent({ keepAlive: true });
  readonly https: https.Agent = new https.Agent({ keepAlive: true });

  /** Closes all of them at once; what is still under way fails with a `ClosedError`. */
  close(): void {
    for (const agent of [this.http, this.https]) {
      for (const sockets of Object.values(agent.sockets))
        for (const socket of sockets ?? []) socket.destroy(new ClosedError());
      agent.destroy();
    }
  }
}
