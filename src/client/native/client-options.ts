import type { PlacedFilter, PutFilters } from '../filter-stack.ts';
import type { ServiceOptions } from '../settings.ts';
import type { NativeRequest } from './request.ts';
import type { NativeResponse } from './response.ts';
import type { StreamedResponse } from './streamed-exchange.ts';

/** A response of the mesh's own client: read whole, or of `stream()`. */
export type ClientResponse = NativeResponse | StreamedResponse;

/** How one client calls its service: on top of what the service is configured with. */
export interface ClientOptions extends ServiceOptions {
  /** Puts filters of your own into the stack of this client, that of `stream()` as well. @default none */
  readonly filters?: PutFilters<NativeRequest, ClientResponse> | undefined;
}

export type ClientFilters = readonly PlacedFilter<NativeRequest, ClientResponse>[];

/** Filters that see responses of both kinds, in the stack of one: each gives back one of the kind that it got. */
export function ofKind<Res extends ClientResponse>(
  filters: ClientFilters,
): readonly PlacedFilter<NativeRequest, Res>[] {
  return filters as unknown as readonly PlacedFilter<NativeRequest, Res>[]; // that they do is said where they are written
}
