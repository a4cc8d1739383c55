import got, { type Got } from 'got';
import type { Mesh } from '../../mesh.ts';

export type { Got } from 'got';

/** The got that comes with the mesh, wrapped by it: for applications that have none of their own. Published as `heddle/got`. */
export function createGot(mesh: Pick<Mesh, 'wrap'>): Got {
  return mesh.wrap(got);
}
