/** Decides which URLs name a service of the mesh. */
export type IsService = (url: URL) => boolean;

/** One label without a port, other than `localhost`, or anything that ends in `.mesh`. Every other URL passes through untouched. */
export const namesService: IsService = (url) => {
  const { hostname } = url;
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return false;
  if (hostname.endsWith('.mesh')) return true;
  return (
    url.port === '' && hostname !== 'localhost' && hostname !== '' && !hostname.includes('.') && !hostname.includes(':')
  );
};

/** The service that such a URL names. */
export function serviceOf({ hostname }: URL): string {
  return hostname.endsWith('.mesh') ? hostname.slice(0, -'.mesh'.length) : hostname;
}
