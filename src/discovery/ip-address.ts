import { isIPv6 } from 'node:net';

const NAT64 = [0x64, 0xff9b, 0, 0, 0, 0];
const TRANSLATED = [0, 0, 0, 0, 0xffff, 0];
const SIX_TO_FOUR = 0x2002;
const TEREDO = [0x2001, 0];

/**
 * The IPv4 address that a packet to this IPv6 address may end at: behind a NAT64, a translator, a 6to4 relay or Teredo. `undefined` when it
 * hides none. The v4-mapped form is no hiding place: `BlockList` knows it.
 */
export function hiddenV4(host: string): string | undefined {
  if (!isIPv6(host)) return undefined;
  const groups = groupsOf(host);
  const begins = (prefix: readonly number[]) => prefix.every((group, i) => groups[i] === group);
  const at = (i: number) => groups[i] ?? 0;
  if (begins(NAT64) || begins(TRANSLATED)) return dotted(at(6), at(7));
  if (at(0) === SIX_TO_FOUR) return dotted(at(1), at(2));
  return begins(TEREDO) ? dotted(at(6) ^ 0xffff, at(7) ^ 0xffff) : undefined;
}

/** The eight groups of a valid IPv6 address without a zone. */
function groupsOf(host: string): readonly number[] {
  const [head = '', tail] = host.split('::');
  const before = partsOf(head);
  if (tail === undefined) return before;
  const after = partsOf(tail);
  return [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
}

function partsOf(text: string): readonly number[] {
  if (text === '') return [];
  return text.split(':').flatMap((part) => {
    if (!part.includes('.')) return [Number.parseInt(part, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = part.split('.').map(Number);
    return [a * 256 + b, c * 256 + d];
  });
}

function dotted(high: number, low: number): string {
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}
