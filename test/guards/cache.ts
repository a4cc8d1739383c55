import type { Guard } from './guard.ts';

const kept = { file: 'src/discovery/cache/kept-service.ts', test: 'test/discovery/cache-recall.test.ts' };
const viewFile = { file: 'src/discovery/cache/view-file.ts', test: 'test/discovery/cache.test.ts' };
const diskViews = { file: 'src/discovery/cache/disk-views.ts', test: 'test/discovery/cache.test.ts' };

/** What makes the last view on disk of use, and harmless. */
export const cacheGuards: readonly Guard[] = [
  {
    ...kept,
    failure: 'F1',
    guard: "if (event.kind === 'lost' && this.cursor === undefined) this.#lost(event);",
    without: 'if (Number.isNaN(0)) this.#lost(event as never);',
    name: 'F1: is used when the registry is out of reach',
  },
  {
    ...kept,
    failure: 'F1',
    guard: "if (event.kind === 'lost' && this.cursor === undefined) this.#lost(event);",
    without: 'if (Number.isNaN(0)) this.#lost(event as never);',
    test: 'test/discovery/cache-mesh.test.ts',
    name: 'F1: who starts while Redis is away',
  },
  {
    ...kept,
    failure: 'F1',
    guard: 'options.lastViews.patienceMs, () => this.#startRecall()',
    without: 'options.lastViews.patienceMs, () => {}',
    name: 'F1: is used when the registry is slow',
  },
  {
    ...kept,
    failure: 'F1',
    guard: 'else if (this.#loss !== undefined && this.cursor === undefined) super.apply(this.#loss);',
    without: '',
    name: 'F1: cannot help',
  },
  {
    ...kept,
    failure: 'F1',
    guard: 'suspects.size < instances.length',
    without: 'true',
    name: 'neither before the registry has spoken',
  },
  {
    failure: 'F1',
    file: 'src/discovery/reduce.ts',
    guard: 'return state.at === undefined ? recalled(state, event, now) : state;',
    without: 'return recalled(state, event, now);',
    test: kept.test,
    name: 'that comes after the first answer',
  },
  {
    ...viewFile,
    failure: 'F1',
    guard: "throw new Error('its checksum is wrong');",
    without: '{}',
    name: 'F1: a view on disk is ignored',
  },
  {
    ...viewFile,
    failure: 'F1',
    guard: "if (savedAt === undefined || !whole) throw new Error('its end is missing');",
    without: 'savedAt ??= 0;',
    name: 'F1: a view on disk is ignored',
  },
  {
    ...viewFile,
    failure: 'F1',
    guard: 'if (head.registry !== registry || head.service !== service)',
    without: 'if (head.registry === undefined)',
    name: 'F1: a view on disk is ignored',
  },
  {
    ...diskViews,
    failure: 'F1',
    guard: 'if (clock.wall() - view.savedAt > this.#maxAgeMs)',
    without: 'if (Number.isNaN(clock.wall()))',
    name: 'are ignored when they are older',
  },
  {
    ...diskViews,
    failure: 'F98',
    guard: "if (!this.#failing) this.#say('failed', view.service, messageOf(error));",
    without: "this.#say('failed', view.service, messageOf(error));",
    name: 'is counted and said once, and once more',
  },
  {
    ...kept,
    failure: 'F98',
    guard: 'await settledWithin(this.#scope.clock, RECALL_MS, recall);',
    without: 'await recall;',
    name: 'F98: that the disk does not give',
  },
  {
    ...viewFile,
    failure: 'F98',
    guard: 'await rm(temporary, { force: true }).catch(() => {}); // the first error says more',
    without: '',
    name: 'because it is full keeps',
  },
  {
    ...viewFile,
    failure: 'F98',
    guard: "const file = await open(temporary, 'wx', 0o600);",
    without: "const file = await open(temporary, 'wx');",
    name: 'F98: are for this user only',
  },
  {
    ...viewFile,
    failure: 'F98',
    guard: '{ recursive: true, mode: 0o700 }',
    without: '{ recursive: true }',
    name: 'F98: are for this user only',
  },
];
