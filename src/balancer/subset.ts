import { hashOf, mixed } from '../core/hash.ts';

/**
 * The first `most` of these in an order that is this client's own, or all of them (rendezvous hashing). The order depends on nothing but the
 * client's id and each one's own: who comes or goes moves nobody else in it, and other clients have other orders.
 */
export function inOrderOf<T>(client: string, all: readonly T[], idOf: (one: T) => string, most: number): readonly T[] {
  const own = hashOf(client);
  const places = new Uint32Array(all.length);
  all.forEach((one, i) => {
    places[i] = mixed(mixed(hashOf(idOf(one)) ^ own) + own);
  });
  // Of thousands only the first few are wanted in order: what belongs to them is found by a sort of numbers, which is fast.
  const last = all.length > most ? (places.toSorted()[most - 1] ?? 0) : 0xffffffff;
  const chosen: { readonly one: T; readonly place: number; readonly id: string }[] = [];
  all.forEach((one, i) => {
    const place = places[i] ?? 0;
    if (place <= last) chosen.push({ one, place, id: idOf(one) });
  });
  chosen.sort((a, b) => a.place - b.place || (a.id < b.id ? -1 : 1));
  return chosen.slice(0, most).map(({ one }) => one);
}
