/** The fields of what came from outside as JSON; none when it is no object. Each is checked by whoever takes it. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}; // any object has fields of some kind
}

/** The items of a list from outside; none when it is no list. */
export function itemsOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
