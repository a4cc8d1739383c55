/** Who this process is, checked and complete. */
export interface Self {
  /** The service it is an instance of; it names the caller on every request that leaves. */
  readonly service: string;
  /** Unique to this process: a name that another process will never bear. */
  readonly id: string;
  /** Grows with every start; a newer process with the same id fences an older one. */
  readonly generation: number;
  /** `environment`, `version`, `zone`, `region` and whatever the application adds. */
  readonly attributes: Readonly<Record<string, string>>;
}
