import got, { type Got } from 'got';
import type { Mesh } from '../../mesh.ts';
import type { WrapOptions } from '../wrap-options.ts';

export type { Got } from 'got';

/** The got that comes with the mesh, wrapped by it: for applications that have none of their own. Published as `heddle/got`. */
export function createGot(mesh: Pick<Mesh, 'wrap'>, options?: WrapOptions<Got>): Got {
  return mesh.wrap(got, options);
}
