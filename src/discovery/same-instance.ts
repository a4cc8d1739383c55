import type { Instance } from './registry.ts';

/** Whether both say the same of the same process. */
export function sameInstance(a: Instance, b: Instance): boolean {
  return (
    a === b ||
    (a.id === b.id &&
      a.service === b.service &&
      a.host === b.host &&
      a.port === b.port &&
      a.protocol === b.protocol &&
      a.weight === b.weight &&
      a.status === b.status &&
      a.generation === b.generation &&
      sameAttributes(a.attributes, b.attributes))
  );
}

function sameAttributes(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && a[name] === b[name]);
}
