export type Listener<T> = (value: T) => void;

/** Whoever hears of many contexts without a function for each. */
export interface Hearer<T, Source> {
  hear(value: T, source: Source): void;
}

/** Most have one or none. */
export type Listeners<T, Source> = (Listener<T> | Hearer<T, Source>)[] | Listener<T> | Hearer<T, Source> | undefined;

export function tell<T, Source>(listener: Listener<T> | Hearer<T, Source>, value: T, source: Source): void {
  if (typeof listener === 'function') listener(value);
  else listener.hear(value, source);
}
