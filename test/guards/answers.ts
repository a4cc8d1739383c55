import type { Guard } from './guard.ts';

const failure = 'cache';
const filter = { failure, file: 'src/filters/cache.ts', test: 'test/filters/cache.test.ts' };
const rules = { failure, file: 'src/filters/cache-rules.ts', test: 'test/filters/cache.test.ts' };
const headers = { failure, file: 'src/filters/cache-headers.ts', test: 'test/filters/cache.test.ts' };
const keeper = { failure, file: 'src/filters/cache-keeper.ts', test: 'test/filters/cache.test.ts' };
const answers = { failure, file: 'src/filters/answer-cache.ts', test: 'test/filters/cache.test.ts' };

/** What keeps a cache from giving an answer to whom, or when, it is not for. */
export const answerGuards: readonly Guard[] = [
  {
    ...headers,
    guard: "['no-store', 'private', 'public', 'no-cache']",
    without: "['no-store', 'public', 'no-cache']",
    name: 'an answer that says private is not given',
  },
  {
    ...headers,
    guard: "['no-store', 'private', 'public', 'no-cache']",
    without: "['private', 'public', 'no-cache']",
    name: 'an answer that says no-store is not given',
  },
  {
    failure,
    file: 'src/filters/cache-control.ts',
    guard: 'name.toLowerCase()',
    without: 'name',
    test: 'test/filters/cache.test.ts',
    name: 'an answer that says private, in capitals',
  },
  {
    ...headers,
    guard: 'authorization: WHO.map((name) => headers[name]).find((value) => value !== undefined)',
    without: 'authorization: undefined',
    name: 'an answer to {"authorization":"red"} that says max-age=60 is',
  },
  {
    ...headers,
    guard: "const WHO = ['authorization', 'cookie'];",
    without: "const WHO = ['authorization'];",
    name: 'an answer to {"cookie":"user=red"} that says max-age=60 is',
  },
  {
    ...keeper,
    guard: ' || (saysWho(asked) && !kept.terms.forKnown)',
    without: '',
    name: 'an answer to nobody is not given to who says who it is',
  },
  {
    ...keeper,
    guard: 'withAdded(asked.own, headers)',
    without: 'asked.headers',
    name: 'a token that is added further in counts',
  },
  {
    ...headers,
    guard: 'Object.hasOwn(texts, name) ? ',
    without: 'Object.hasOwn(texts, ``) ? ',
    name: 'a header that both the caller and a filter give',
  },
  {
    failure,
    file: 'src/filters/fallback-http.ts',
    guard: " && ctx.noted.cache !== 'hit' && ctx.noted.cache !== 'stale'",
    without: '',
    test: 'test/filters/cache.test.ts',
    name: 'how old the last good answer of a fallback is',
  },
  {
    ...rules,
    guard: " || given['set-cookie'] !== undefined",
    without: '',
    name: 'an answer that says a cookie is not given',
  },
  {
    ...rules,
    guard: 'cacheHeuristic: 0',
    without: 'cacheHeuristic: 0.1',
    name: 'an answer that says only when it changed',
  },
  {
    ...rules,
    guard: 'requestFor(asked, firm)',
    without: 'requestFor(asked)',
    name: 'what says max-age=60, must-revalidate is not given old',
  },
  {
    ...rules,
    guard: '    born = startedAt;\n',
    without: '',
    name: 'the time that an answer was on its way',
  },
  {
    ...answers,
    guard: '...vary.map((name) => [name, headers[name]])',
    without: '',
    name: 'answers differ by the headers that vary names',
  },
  {
    ...answers,
    guard: 'JSON.stringify([path, scope, ',
    without: 'JSON.stringify([path, ',
    name: 'what was asked with other names in the place of others',
  },
  {
    ...answers,
    guard: '      for (const oldest of [...before.keys].slice(0, 1)) this.#stored.forget(oldest);\n',
    without: '',
    name: 'answers to one path differ in so many ways',
  },
  {
    ...answers,
    guard: 'asking.changed = true;',
    without: '{}',
    name: 'an answer that was on its way when something changed',
  },
  {
    failure,
    file: 'src/filters/cache-changes.ts',
    guard: '    answers.changed(path);\n',
    without: '',
    test: 'test/filters/cache.test.ts',
    name: 'a PUT forgets',
  },
  {
    failure,
    file: 'src/filters/cache-changes.ts',
    guard: 'to?.host === service ? ',
    without: 'to ? ',
    test: 'test/filters/cache.test.ts',
    name: 'what it says in location: http://others',
  },
  {
    failure,
    file: 'src/filters/bounded-answers.ts',
    guard: 'this.#byKey.size <= this.#bounds.maxEntries && ',
    without: '',
    test: 'test/filters/cache.test.ts',
    name: 'so many answers are kept',
  },
  {
    failure,
    file: 'src/filters/bounded-answers.ts',
    guard: ' && this.#bytes <= this.#bounds.maxBytes',
    without: '',
    test: 'test/filters/cache.test.ts',
    name: 'all of them together take no more',
  },
  {
    ...keeper,
    guard: "ctx.noted.shared === true || ctx.verdict !== 'success'",
    without: 'ctx.noted.shared === true',
    name: 'a filter that says that a 200 is a failure',
  },
  {
    ...keeper,
    guard: "      faults.report('hook', error);\n      return undefined;",
    without: '      throw error;',
    test: 'test/filters/cache-keeper.test.ts',
    name: 'an answer at which the rules throw',
  },
  {
    ...filter,
    guard: ' || OWN_WAY.some((name) => name in asked.headers)',
    without: '',
    name: 'a request with {"range"',
  },
  {
    ...filter,
    guard: '      if (old.refreshing) return;\n',
    without: '',
    name: 'stale-while-revalidate: what is old is given at once',
  },
  {
    failure,
    file: 'src/client/native/whole.ts',
    guard: 'headers: headersOf(headers), body',
    without: 'headers, body',
    test: 'test/client/cache.test.ts',
    name: 'what a reader does to its answer',
  },
  {
    failure,
    file: 'src/client/native/made-response.ts',
    guard: "typeof value === 'object' ? [...value] : value",
    without: 'value as string',
    test: 'test/client/cache.test.ts',
    name: 'what a reader does to its answer',
  },
  {
    failure,
    file: 'src/filters/mirror.ts',
    guard: ", cache: 'bypass'",
    without: '',
    test: 'test/filters/cache.test.ts',
    name: 'a mirror is sent though',
  },
];
