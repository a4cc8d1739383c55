import { fieldsOf, itemsOf } from '../http/fields-of.ts';
import type { HttpClient } from '../http/http-client.ts';
import { isVersion } from './object-meta.ts';

const ANSWER_MS = 10_000;
/** A slice has 100 endpoints unless somebody says otherwise: so a page is parsed in less than 5 ms. */
const PAGE_SLICES = 10;
const MAX_PAGES = 1_000;

/**
 * Lists all that `path` selects, page by page, and gives each object to `take`. Resolves with the version of the list, which is that of all
 * its pages. Rejects with the status 410 when the server has forgotten it before the last page: then it has to be listed anew.
 */
export async function listSlices(
  client: HttpClient,
  path: string,
  signal: AbortSignal,
  take: (object: unknown) => void,
): Promise<string> {
  let from = '';
  for (let page = 0; page < MAX_PAGES; page++) {
    const { body } = await client.ask({ path: `${path}&limit=${PAGE_SLICES}${from}`, timeoutMs: ANSWER_MS, signal });
    const { items, metadata } = fieldsOf(body);
    const { resourceVersion, continue: next } = fieldsOf(metadata);
    // The items of an empty list may be null, but they are there.
    if (items === undefined || !isVersion(resourceVersion)) throw new Error('it sent something that is no list');
    itemsOf(items).forEach(take);
    if (typeof next !== 'string' || next === '') return resourceVersion;
    from = `&continue=${encodeURIComponent(next)}`;
  }
  throw new Error(`it sent a list of more than ${MAX_PAGES} pages`);
}
