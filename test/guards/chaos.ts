import type { Guard } from './guard.ts';

const REGISTRY = 'test/chaos/registry.test.ts';
const INSTANCES = 'test/chaos/instances.test.ts';

/** What keeps calls going while the registry, or an instance, does not. */
export const chaosGuards: readonly Guard[] = [
  {
    failure: 'F4',
    file: 'src/filters/retry.ts',
    guard: "    if (!budget.withdraw(now)) return 'budget';\n",
    without: "    return 'budget';\n",
    test: REGISTRY,
    name: 'F4, F5: Redis is away while two instances die',
  },
  {
    failure: 'F6',
    file: 'src/discovery/reduce.ts',
    guard: 'members.push(member.suspectAt === undefined ? { ...member, suspectAt: now } : member);',
    without: '',
    test: REGISTRY,
    name: 'F6: FLUSHALL again and again',
  },
  {
    failure: 'F10',
    file: 'src/discovery/redis/owner.ts',
    guard: 'if (reply === UNKNOWN) {',
    without: 'if (!this.#registered) {',
    test: REGISTRY,
    name: 'F10: a failover that loses writes',
  },
  {
    failure: 'F59',
    file: 'src/client/pools.ts',
    guard: 'pool.close().then(gone, gone);',
    without: 'pool.destroy().then(gone, gone);',
    test: INSTANCES,
    name: 'F59: ',
  },
  {
    failure: 'F60',
    file: 'src/discovery/redis/options.ts',
    guard: 'given.leaseMs ?? Math.max(30_000, 3 * beatMs)',
    without: 'given.leaseMs ?? 3 * beatMs',
    test: INSTANCES,
    name: 'F60: ',
  },
  {
    failure: 'F61',
    file: 'src/balancer/health.ts',
    guard: 'if (this.#streak + this.#long * (LONG - 1) >= this.#options.failures) {',
    without: 'if (this.#streak < 0) {',
    test: INSTANCES,
    name: 'F61: ',
  },
];
