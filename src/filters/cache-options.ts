import { integer, options as known } from '../core/check.ts';

const MEBIBYTE = 1024 * 1024;

/** How much of the answers of a service is kept, to answer with again for as long as they say. */
export interface CacheOptions {
  /** Most answers. 1 to 1,000,000. @default 1_000 */
  readonly maxEntries?: number | undefined;
  /** All of them together, in bytes. 1,024 to 4 GiB. @default 16_777_216, 16 MiB */
  readonly maxBytes?: number | undefined;
  /** The longest body that is kept, in bytes. 0 to `maxBytes`. @default 1_048_576, 1 MiB, or `maxBytes` where that is less */
  readonly maxEntryBytes?: number | undefined;
}

export interface ResolvedCache {
  readonly maxEntries: number;
  readonly maxBytes: number;
  readonly maxEntryBytes: number;
}

export function resolveCache(name: string, options: CacheOptions): ResolvedCache {
  known(name, options, ['maxEntries', 'maxBytes', 'maxEntryBytes']);
  const { maxEntries = 1_000, maxBytes = 16 * MEBIBYTE } = options;
  integer(`${name}.maxEntries`, maxEntries, { min: 1, max: 1_000_000 });
  integer(`${name}.maxBytes`, maxBytes, { min: 1_024, max: 4_096 * MEBIBYTE });
  const { maxEntryBytes = Math.min(MEBIBYTE, maxBytes) } = options;
  return {
    maxEntries,
    maxBytes,
    maxEntryBytes: integer(`${name}.maxEntryBytes`, maxEntryBytes, { min: 0, max: maxBytes }),
  };
}
