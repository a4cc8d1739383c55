import { fieldsOf } from '../http/fields-of.ts';
import { HttpStatusError } from '../http/http-error.ts';
import { nameOf, versionOf } from './object-meta.ts';

/** One line of a watch. */
export type Change =
  /** An object came, or is another now. */
  | { readonly kind: 'changed'; readonly version: string; readonly object: unknown }
  | { readonly kind: 'deleted'; readonly version: string; readonly name: string }
  /** All that happened up to this version was told. */
  | { readonly kind: 'bookmark'; readonly version: string }
  /** Something that is not understood, and that a newer server may say. */
  | { readonly kind: 'unknown' };

/** Reads a line of a watch. Throws when it is none, and an `HttpStatusError` when the server says that the watch has failed. */
export function readChange(line: string): Change {
  const { type, object } = fieldsOf(parsed(line));
  if (type === 'ERROR') {
    const { code, message } = fieldsOf(object);
    throw new HttpStatusError(typeof code === 'number' ? code : 500, typeof message === 'string' ? message : '');
  }
  const version = versionOf(object);
  const name = nameOf(object);
  if (version === undefined) return { kind: 'unknown' };
  if (type === 'BOOKMARK') return { kind: 'bookmark', version };
  if (type === 'ADDED' || type === 'MODIFIED') return { kind: 'changed', version, object };
  return type === 'DELETED' && name !== undefined ? { kind: 'deleted', version, name } : { kind: 'unknown' };
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new Error('it sent a line that is no JSON');
  }
}
