/**
 * The server side of the mesh, published as `heddle/server`: the types of `mesh.inbound` and `mesh.register`, for code that passes them
 * on. Both come from a mesh; there is nothing to construct here.
 */
export type { Inbound } from './inbound.ts';
export type { DrainOptions, RegisterOptions } from './register-options.ts';
export type { Registration, RegistrationState } from './registration.ts';
