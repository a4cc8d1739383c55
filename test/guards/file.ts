import type { Guard } from './guard.ts';

const sightings = 'src/discovery/file/sightings.ts';
const folder = 'src/discovery/file/folder.ts';
const reader = 'src/discovery/file/reader.ts';
const test = 'test/discovery/file-failures.test.ts';

/** What keeps services found in a folder right. */
export const fileGuards: readonly Guard[] = [
  {
    failure: 'F19',
    file: sightings,
    guard: 'quietMs: before.quietMs + passedMs, watchedMs',
    without: 'quietMs: Math.max(0, wall - touchedAt), watchedMs',
    test,
    name: 'F18, F19: a clock that is put on',
  },
  {
    failure: 'F18',
    file: sightings,
    guard: 'quietMs: before.quietMs + passedMs, watchedMs',
    without: 'quietMs: Math.max(0, wall - touchedAt), watchedMs',
    test,
    name: 'F18: who dies before the clock is put back',
  },
  {
    failure: 'F19',
    file: reader,
    guard: 'const dead = (path: string) => (seen.get(path)?.watchedMs ?? 0)',
    without: 'const dead = (path: string) => (seen.get(path)?.quietMs ?? 0)',
    test,
    name: 'a record that is old when it is first seen',
  },
  {
    failure: 'F20',
    file: sightings,
    guard: 'const passedMs = Math.min(this.#mostMs, now - this.#lookedAt);',
    without: 'const passedMs = now - this.#lookedAt;',
    test,
    name: 'F20: a caller that was stopped',
  },
  {
    failure: 'F5',
    file: reader,
    guard: "if ((this.#followed.cursor?.epoch ?? '') !== '') {",
    without: 'if (folder === undefined) {',
    test,
    name: 'F3, F5: a folder that is removed',
  },
  {
    failure: 'F3',
    file: reader,
    guard: 'if (!this.#closed) this.#lost(messageOf(error));',
    without: 'if (!this.#closed) this.#absent();',
    test,
    name: 'a plain file in the place of the folder makes the view stale',
  },
  {
    failure: 'F3',
    file: reader,
    guard: 'this.#poll = repeat(options.scope.clock, () => options.pollMs, look);',
    without: 'this.#poll = repeat(options.scope.clock, () => 1e9, look);',
    test,
    name: 'what no alarm tells of',
  },
  {
    failure: 'F23',
    file: 'src/discovery/file/owner.ts',
    guard: 'if (!(await this.#fenced())) await this.#write(',
    without: 'await this.#write(',
    test,
    name: 'F23: the leave of a process',
  },
  {
    failure: 'F48',
    file: folder,
    guard: 'if (OURS.has(codeOf(error))) throw error;',
    without: '',
    test,
    name: 'F48: ',
  },
  {
    failure: 'F48',
    file: folder,
    guard: 'const ABREAST = 32;',
    without: 'const ABREAST = 10_000;',
    test,
    name: 'F48: ',
  },
];
