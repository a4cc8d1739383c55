import { awaited, type Combine, knows, nobody, standing } from './combination.ts';

/**
 * The first that knows somebody decides; those after it are not asked. `names` are those of the parts, for reasons.
 *
 * One before it that has not answered yet is waited for while there is patience, and is out of reach afterwards. One that lost its
 * registry still knows whom it knew, so that a flush or an outage of the first does not move anybody to the second.
 */
export function firstThatKnows(names: readonly string[]): Combine {
  return (views, patient) => {
    for (const [i, view] of views.entries()) {
      const deciding = views.slice(0, i + 1);
      if (awaited(view, patient)) return nobody(names, deciding);
      if (!knows(view)) continue;
      const { instances, suspects, asOf } = view;
      return { instances, suspects, asOf, from: view.from ?? names[i], ...standing(names, deciding, true) };
    }
    return nobody(names, views);
  };
}
