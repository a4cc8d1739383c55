import type { Guard } from './guard.ts';

const contract = { failure: 'pickers', test: 'test/balancer/pickers.test.ts' };
const load = { failure: 'pickers', file: 'src/balancer/load.ts', test: 'test/balancer/load.test.ts' };
const recall = { failure: 'pickers', file: 'src/balancer/pickers/recall.ts', test: 'test/balancer/recall.test.ts' };

/** What keeps a picker from sending calls where they fail, or all of them to one place. */
export const pickerGuards: readonly Guard[] = [
  {
    ...recall,
    guard: '(1 + FAILURES * failing * failing)',
    without: '1',
    name: 'one that fails fast does not attract',
  },
  {
    ...recall,
    guard: 'i < known.size',
    without: 'i < 0',
    name: 'those that answered well last are considered',
  },
  {
    ...recall,
    guard: 'const queue = 1 + rif / this.#draws.portion;',
    without: 'const queue = 1 + rif;',
    name: 'with requests on their way all the time',
  },
  {
    ...load,
    guard: 'age > ms && ',
    without: '',
    name: 'one that is always slow',
  },
  {
    ...load,
    guard: 'rif.count === 0 ? running : running + into.portion * rif.value',
    without: 'running',
    name: 'one that does not report',
  },
  {
    ...load,
    guard: '(numbers[at + BEGUN_SUM] ?? 0) / running;',
    without: 'now;',
    name: 'attempts that take much longer than usual',
  },
  {
    ...contract,
    file: 'src/balancer/pickers/well-known.ts',
    guard: 'if (nodes[i]?.retired) nodes.splice(i, 1);',
    without: 'if (i < 0) nodes.splice(i, 1);',
    name: 'of nodes that left',
  },
  {
    ...contract,
    file: 'src/balancer/pickers/well-known.ts',
    guard: 'if (node === undefined || nodes[node.place] === node) return node;',
    without: 'return node;',
    name: 'from a part of the set',
  },
  {
    ...contract,
    file: 'src/balancer/draws.ts',
    guard: 'if (share >= 1 || this.next() < share * INTEGERS) break;',
    without: 'if (share > 0) break;',
    name: 'one in its slow start',
  },
  {
    failure: 'pickers',
    file: 'src/balancer/takes.ts',
    guard: 'node.retired || ',
    without: '',
    test: 'test/balancer/consistent-hashing.test.ts',
    name: 'while a table is made anew',
  },
  {
    failure: 'pickers',
    file: 'src/balancer/draws.ts',
    guard: 'return this.next() < share * (node.endpoint.weight / largest) * INTEGERS ? place : -1;',
    without: 'return place;',
    test: 'test/balancer/draws.test.ts',
    name: 'beside one that weighs nearly everything',
  },
  {
    failure: 'pickers',
    file: 'src/balancer/pickers/peak-ewma.ts',
    guard: '(node.peak ?? this.#usual).read(reading, now)',
    without: '(node.peak ?? new Peak()).read(reading, now)',
    test: 'test/balancer/peak-ewma.test.ts',
    name: 'a new node is not flooded',
  },
  {
    failure: 'pickers',
    file: 'src/balancer/pickers/ring-hash.ts',
    guard: ' && !full(node, now)',
    without: '',
    test: 'test/balancer/consistent-hashing.test.ts',
    name: 'of one hot key no node gets more than its bound',
  },
  {
    failure: 'pickers',
    file: 'src/balancer/tables.ts',
    guard: 'if (turns.over) await turns.next();',
    without: '',
    test: 'test/balancer/tables.test.ts',
    name: 'a large one is made in slices',
  },
  {
    failure: 'pickers',
    file: 'src/balancer/tables.ts',
    guard: 'follow(this.#last, nodes) ? this.#entry.table : undefined',
    without: 'this.#entry.table',
    test: 'test/balancer/tables.test.ts',
    name: 'the table of one part of a set',
  },
  {
    failure: 'pickers',
    file: 'src/balancer/reported-load.ts',
    guard: 'holds + since);',
    without: 'holds);',
    test: 'test/balancer/load.test.ts',
    name: 'own attempts since the report',
  },
  {
    failure: 'pickers',
    file: 'src/balancer/reported-load.ts',
    guard: ' * Math.max(1, rif.sum / Math.max(1, all))',
    without: '',
    test: 'test/balancer/load.test.ts',
    name: 'counts for one of each caller',
  },
];
