import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (path: string) => fileURLToPath(new URL(`src/${path}`, import.meta.url));

export default defineConfig({
  resolve: {
    // Code from the docs imports the package by its name.
    alias: [
      { find: /^heddle$/, replacement: source('index.ts') },
      { find: /^heddle\/got$/, replacement: source('client/got/entry.ts') },
      { find: /^heddle\/dns$/, replacement: source('discovery/dns/entry.ts') },
      { find: /^heddle\/redis$/, replacement: source('discovery/redis/entry.ts') },
      { find: /^heddle\/testing$/, replacement: source('testing/entry.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    // The report is read by .ci/run.
    reporters: ['default', 'json'],
    outputFile: { json: '.vitest-report.json' },
    // Two cores are the smallest machine this has to pass on; servers and a Redis run beside the tests.
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 60_000,
    dangerouslyIgnoreUnhandledErrors: false,
  },
});
