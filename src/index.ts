// biome-ignore-all assist/source/organizeImports: sections for different readers

// For users.
export type {
  BalancerName,
  BalancerOptions,
  MaglevOptions,
  RecallOptions,
  RingHashOptions,
} from './balancer/balancer-options.ts';
export type { CheckOptions } from './balancer/check-options.ts';
export type { HashedCall, HashOn } from './balancer/hash-on.ts';
export type { HealthOptions } from './balancer/health-options.ts';
export type { BreakerOptions } from './breaker/options.ts';
export type { ExplainedFilter } from './client/added-filters.ts';
export type { CallLimits, SharedLimits } from './client/call-limits.ts';
export type { BreakerControl } from './client/breaker-control.ts';
export type { ExplainedBreaker } from './client/explained-breaker.ts';
export type { ExplainedClient } from './client/explained-client.ts';
export type { ConnectionOptions } from './client/connection-options.ts';
export type { LocalityOptions, SubsetOptions } from './client/locality-options.ts';
export { type AttemptReport, type CallReport, meshOf } from './client/mesh-of.ts';
export type { Call } from './client/native/call.ts';
export type { Client } from './client/native/client.ts';
export type { ClientOptions } from './client/native/client-options.ts';
export type { RequestOptions } from './client/native/request.ts';
export { type NativeResponse, StatusError } from './client/native/response.ts';
export type { StreamedResponse } from './client/native/streamed-exchange.ts';
export type { Attempt } from './client/service/attempt.ts';
export type { Send } from './client/service/binding.ts';
export type { SendFallback } from './client/service/send-fallback.ts';
export type { SendFault, SendOptions, SendOutcome } from './client/service/send-options.ts';
export type { ServiceFunction } from './client/service/service-function.ts';
export type { ServiceOptions } from './client/settings.ts';
export type { WrapOptions } from './client/wrap-options.ts';
export {
  AttemptTimeoutError,
  BreakerOpenError,
  CancelledError,
  ClientGoneError,
  ClosedError,
  ConfigError,
  ConnectError,
  DeadlineError,
  FallbackError,
  isMeshError,
  MeshError,
  type MeshErrorCode,
  MisdirectedError,
  NoEndpointsError,
  RefusedError,
  type Resend,
  TransportError,
} from './core/errors.ts';
export type { MeshEventName, MeshEvents } from './core/events.ts';
export type { CurrentRequest } from './core/inbound-request.ts';
export type { Priority } from './core/priority.ts';
export type { Logger } from './core/logger.ts';
export type { QueueOptions } from './core/queue-options.ts';
export type { FailedSend } from './core/own-answer.ts';
export type { Setting } from './core/setting.ts';
export type { CacheUse, FallenBack } from './core/notes.ts';
export type { NotRetried } from './core/not-retried.ts';
export type { AddressOptions, PortRange } from './discovery/address-options.ts';
export { merged } from './discovery/compose/merged.ts';
export type { NameRules, NameTarget, WeightedNames } from './discovery/delegation/name-rules.ts';
export type { NameStep } from './discovery/delegation/name-step.ts';
export type { AllowedNames } from './discovery/delegation/override.ts';
export type { RegistryOption } from './discovery/open-registry.ts';
export type { Query } from './discovery/query.ts';
export type { StaticLists } from './discovery/static.ts';
export type { ExplainedEndpoint, ExplainedTier, Explanation } from './explain.ts';
export type { Answer } from './filters/answer.ts';
export type { BulkheadOptions } from './filters/bulkhead-options.ts';
export type { CacheOptions } from './filters/cache-options.ts';
export type { FailedCall, FallbackOptions } from './filters/fallback-options.ts';
export type { FaultOptions } from './filters/fault-options.ts';
export type { HedgeOptions } from './filters/hedge-options.ts';
export type { MirrorOptions } from './filters/mirror-options.ts';
export type { RetryOptions } from './filters/retry-options.ts';
export type { SingleFlightOptions } from './filters/single-flight-options.ts';
export type { ThrottleOptions } from './filters/throttle-options.ts';
export { createMesh, type Mesh, type Wrappable } from './mesh.ts';
export type { MeshOptions, SelfOptions } from './mesh-options.ts';
export type { InboundExplanation } from './server/inbound-explanation.ts';
export type {
  InboundOptions,
  LimitAlgorithm,
  LimitOptions,
  RateOptions,
} from './server/limit/limit-options.ts';
export type { Reading } from './telemetry/memory-metrics.ts';
export type { OpenTelemetry } from './telemetry/opentelemetry.ts';
export type { RecentEvent } from './telemetry/recent-events.ts';

// For authors of filters.
export type { FetchRequest } from './client/fetch/request.ts';
export type { FilterStack, PlacedFilter, PutFilters } from './client/filter-stack.ts';
export type { ClientResponse } from './client/native/client-options.ts';
export type { NativeRequest } from './client/native/request.ts';
export type { NodeRequest } from './client/node-http/node-request.ts';
export type { Context } from './core/context.ts';
export type { Filter, Observer, Scope } from './core/filter.ts';
export { observe } from './core/observe.ts';
export type { StackRole } from './core/roles.ts';
export type { Service } from './core/service.ts';
export type { TraceContext } from './core/trace-context.ts';
export type { Verdict } from './core/verdict.ts';

// For authors of registries.
export type { AddressRule } from './discovery/address.ts';
export type { Clock, Timer } from './core/clock.ts';
export type { Endpoint } from './core/endpoint.ts';
export type { Events } from './core/events.ts';
export type { Counter, Histogram, Labels, Metrics } from './core/metrics.ts';
export type { Random } from './core/random.ts';
export type {
  Announcement,
  Instance,
  KeptView,
  LastViews,
  Registry,
  RegistryFactory,
  RegistryScope,
  Traffic,
  View,
  Watch,
} from './discovery/registry.ts';
