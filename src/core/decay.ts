/** How finely time is told apart here: so many steps are one time constant. */
export const STEPS = 256;
/** The step at which nothing is left: eight time constants. */
export const LAST = 8 * STEPS;

/**
 * What is left of 1 after each step, exp(-step ÷ `STEPS`), for `LEFT[Math.max(0, Math.min(LAST, steps)) | 0]`.
 *
 * A table, since a pick asks a dozen times; and no function, since a fraction that a function is given or returns is an object on the heap, unless V8 inlines
 * it, which it decides anew in each process. Where no fraction is handed on, nothing is allocated whatever it decides.
 */
export const LEFT: Float64Array = Float64Array.from({ length: LAST + 1 }, (_, step) =>
  step === LAST ? 0 : Math.exp(-step / STEPS),
);
