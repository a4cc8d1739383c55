/** The part of opossum 10 that is used here. Its own types do not exist, and those of DefinitelyTyped are two majors behind. */
declare module 'opossum' {
  import type { EventEmitter } from 'node:events';

  interface Options {
    timeout: false;
    errorThresholdPercentage: number;
    resetTimeout: number;
    rollingCountTimeout: number;
    rollingCountBuckets: number;
    rollingPercentilesEnabled: boolean;
    enableSnapshots: boolean;
    rotateBucketController: EventEmitter;
    volumeThreshold: number;
    name: string;
  }

  interface Stats {
    readonly fires: number;
    readonly failures: number;
  }

  class CircuitBreaker<Arguments extends unknown[]> extends EventEmitter {
    constructor(action: (...args: Arguments) => Promise<void>, options: Options);
    readonly options: Options;
    readonly closed: boolean;
    readonly opened: boolean;
    readonly halfOpen: boolean;
    readonly stats: Stats;
    readonly status: { increment(property: 'fires'): void; rotateBucket(): void };
    fire(...args: Arguments): Promise<void>;
    close(): void;
    open(): void;
    shutdown(): void;
  }

  export default CircuitBreaker;
}
