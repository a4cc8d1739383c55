/**
 * How many items at the beginning of two lists are the same, and how many of the others at the end. Of two lists in one order, whatever came
 * and went stands between these.
 */
export function sameEnds<A, B>(
  a: readonly A[],
  b: readonly B[],
  same: (a: A, b: B) => boolean,
): { readonly first: number; readonly last: number } {
  const most = Math.min(a.length, b.length);
  // Indices are within both lists.
  const sameAt = (i: number, j: number) => same(a[i] as A, b[j] as B);
  let first = 0;
  while (first < most && sameAt(first, first)) first++;
  let last = 0;
  while (last < most - first && sameAt(a.length - 1 - last, b.length - 1 - last)) last++;
  return { first, last };
}
