/** One address of a service as discovery names it and the balancer uses it. Immutable; a change makes a new one. */
export interface Endpoint {
  /** Unique among the endpoints of its service, and never reused by another process. */
  readonly id: string;
  readonly service: string;
  /** A literal IP address or a host name. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
  readonly protocol: 'http' | 'https';
  /** Flat strings; `environment`, `version`, `zone` and `region` are known by name. */
  readonly attributes: Readonly<Record<string, string>>;
  /** Share of the traffic relative to its peers. Above 0 and at most 1,000; 1 when nothing is said. */
  readonly weight: number;
  /** Grows with every start of the same id, so that a newer process fences an older one. */
  readonly generation: number;
}
