import { isIP } from 'node:net';
import { plausibleName } from '../address.ts';

/**
 * The API server of the cluster that this process runs in: where its pod was told that it is, which takes no DNS to find, and else by its
 * name.
 */
export function apiServer(
  { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '' } = process.env,
): string {
  const family = isIP(host);
  if ((family === 0 && !plausibleName(host)) || !/^\d{1,5}$/.test(port)) return 'https://kubernetes.default.svc';
  return `https://${family === 6 ? `[${host}]` : host}:${port}`;
}
