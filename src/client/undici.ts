type Undici = typeof import('undici');

let loaded: Promise<Undici> | undefined;

/** The one of undici's legacy dispatchers that the `fetch` built into Node 22 and 24 uses. */
const LEGACY = Symbol.for('undici.globalDispatcher.1');

/**
 * Loads undici when it is first needed: it takes 80 ms.
 *
 * Importing undici 8 replaces the dispatcher of the `fetch` built into Node 22, which then fails for some requests (nodejs/undici#5500).
 * Using a library must not change what the process already has, so that is put back.
 */
export function loadUndici(): Promise<Undici> {
  loaded ??= (async () => {
    const before: unknown = Reflect.get(globalThis, LEGACY);
    const undici = await import('undici');
    if (Reflect.get(globalThis, LEGACY) !== before) Reflect.set(globalThis, LEGACY, before);
    return undici;
  })();
  return loaded;
}
