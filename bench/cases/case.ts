/** One thing to measure, ready to run in a process of its own. */
export interface Case {
  /** Runs it this many times; what it costs is measured from outside. */
  run(calls: number): Promise<void>;
}

/** `ports` are those of the server, for the cases that need one. */
export type MakeCase = (ports: readonly number[]) => Promise<Case> | Case;

/** So many calls are under way at any moment in the cases that go over loopback. */
const CONCURRENCY = 10;

/** A case that makes calls over loopback, ten at a time. */
export function concurrent(call: () => Promise<unknown>): Case {
  return {
    async run(calls) {
      let left = calls;
      const lane = async () => {
        while (left-- > 0) await call();
      };
      await Promise.all(Array.from({ length: CONCURRENCY }, lane));
    },
  };
}

/** A case that makes one call after the other. */
export function sequential(call: () => Promise<unknown>): Case {
  return {
    async run(calls) {
      for (let i = 0; i < calls; i++) await call();
    },
  };
}
