import type { Server } from 'node:net';
import { MeshError, messageOf } from '../core/errors.ts';

/** Resolves once `server` listens, at once if it does. Rejects when it fails or closes before that. */
export function listening(server: Server, service: string): Promise<void> {
  if (server.listening) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const release = () => {
      server.off('listening', onListening);
      server.off('error', onError);
      server.off('close', onClose);
    };
    const give = (message: string, cause?: unknown) => {
      release();
      reject(
        new MeshError('MESH_CONFIG', `the server of '${service}' ${message}`, { resend: 'never', service, cause }),
      );
    };
    const onListening = () => {
      release();
      resolve();
    };
    const onError = (error: unknown) => give(`cannot listen: ${messageOf(error)}`, error);
    const onClose = () => give('was closed before it listened');
    server.on('listening', onListening);
    server.on('error', onError);
    server.on('close', onClose);
  });
}
