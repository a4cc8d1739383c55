import type { Guard } from './guard.ts';

const reader = 'src/discovery/dns/reader.ts';
const lookup = 'src/discovery/dns/lookup.ts';
const virtual = 'test/discovery/dns-reader.test.ts';
const real = 'test/discovery/dns-failures.test.ts';

/** What keeps services found in DNS right. */
export const dnsGuards: readonly Guard[] = [
  {
    failure: 'F56',
    file: reader,
    guard: 'const bounded = Math.min(options.maxTtlMs, Math.max(options.minTtlMs, ttlMs));',
    without: 'const bounded = Math.min(options.maxTtlMs, options.minTtlMs + 0 * ttlMs + 1e9);',
    test: virtual,
    name: 'F56: that names another address',
  },
  {
    failure: 'F56',
    file: reader,
    guard: "this.#followed.apply({ kind: 'snapshot', at: { epoch: 'dns', revision: 0 }, instances });",
    without: `for (const { id } of this.#followed.view.instances)
      if (!instances.some((one) => one.id === id)) this.#followed.apply({ kind: 'left', id, generation: 0 });
    this.#followed.apply({ kind: 'snapshot', at: { epoch: 'dns', revision: 0 }, instances });`,
    test: virtual,
    name: 'F56: an address that is named no more',
  },
  {
    failure: 'F3',
    file: reader,
    guard: "this.#followed.apply({ kind: 'lost', reason });",
    without: "this.#followed.apply({ kind: 'snapshot', at: { epoch: 'dns', revision: 0 }, instances: [] });",
    test: real,
    name: 'F3: the last answer is kept while the server fails',
  },
  {
    failure: 'F3',
    file: lookup,
    guard: 'known.set(target, this.#known.get(target)?.map(remembered) ?? []);',
    without: 'known.set(target, []);',
    test: virtual,
    name: 'F3: of one target keeps the addresses',
  },
  {
    failure: 'F5',
    file: lookup,
    guard: 'if (instances.length === 0 && failure !== undefined) throw failure;',
    without: '',
    test: virtual,
    name: 'F5: of any target is no answer',
  },
  {
    failure: 'F5',
    file: 'src/discovery/dns/resolver.ts',
    guard: "if (code === 'ENOTFOUND' || code === 'ENODATA') return [];",
    without: '',
    test: real,
    name: 'F5: a name that is unmade',
  },
  {
    failure: 'F101',
    file: lookup,
    guard: "if ('refused' in record) this.#rejections.add(this.#service, id, record.refused);",
    without: "if ('refused' in record) instances.set(id, { ...said, attributes: {}, status: 'up', generation: 0 });",
    test: virtual,
    name: 'F101: hostile answers',
  },
  {
    failure: 'F91',
    file: reader,
    guard: `    this.#next?.cancel();
    this.#asking?.cancel();`,
    without: '    this.#next?.cancel();',
    test: real,
    name: 'ends within a second',
  },
];
