/** A binary heap: what was put in with the least key comes out first. Keys apart from items, so that comparing touches numbers only. */
export class Heap<T> {
  readonly #keys: number[] = [];
  readonly #items: T[] = [];

  get size(): number {
    return this.#keys.length;
  }

  /** The least key; `Infinity` when it is empty. */
  get key(): number {
    return this.#keys[0] ?? Number.POSITIVE_INFINITY;
  }

  push(key: number, item: T): void {
    this.#keys.push(key);
    this.#items.push(item);
    this.#rise(this.#keys.length - 1, key, item);
  }

  /** The item of the least key, which is taken out; `undefined` when it is empty. */
  pop(): T | undefined {
    const first = this.#items[0];
    const key = this.#keys.pop();
    const item = this.#items.pop();
    if (key !== undefined && item !== undefined && this.#keys.length > 0) this.#sink(key, item);
    return first;
  }

  #rise(from: number, key: number, item: T): void {
    const keys = this.#keys;
    const items = this.#items;
    let at = from;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const keyAbove = keys[above];
      const itemAbove = items[above];
      if (keyAbove === undefined || itemAbove === undefined || keyAbove <= key) break;
      keys[at] = keyAbove;
      items[at] = itemAbove;
      at = above;
    }
    keys[at] = key;
    items[at] = item;
  }

  /** Puts an item where the first was, and lets it sink to its place. */
  #sink(key: number, item: T): void {
    const keys = this.#keys;
    const items = this.#items;
    const size = keys.length;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= size) break;
      if (below + 1 < size && (keys[below + 1] ?? 0) < (keys[below] ?? 0)) below++;
      const keyBelow = keys[below];
      const itemBelow = items[below];
      if (keyBelow === undefined || itemBelow === undefined || keyBelow >= key) break;
      keys[at] = keyBelow;
      items[at] = itemBelow;
      at = below;
    }
    keys[at] = key;
    items[at] = item;
  }
}
