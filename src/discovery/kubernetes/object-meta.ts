import { fieldsOf } from '../http/fields-of.ts';

const MAX_LENGTH = 1_000;

/** Whether it can be a version of Kubernetes: a text that means something only to the server that gave it. */
export function isVersion(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= MAX_LENGTH;
}

/** The version of an object; `undefined` when it has none. */
export function versionOf(object: unknown): string | undefined {
  const { resourceVersion } = fieldsOf(fieldsOf(object)['metadata']);
  return isVersion(resourceVersion) ? resourceVersion : undefined;
}

/** The name of an object, which no other of its kind and namespace has; `undefined` when it has none. */
export function nameOf(object: unknown): string | undefined {
  const { name } = fieldsOf(fieldsOf(object)['metadata']);
  return typeof name === 'string' && name !== '' && name.length <= MAX_LENGTH ? name : undefined;
}
