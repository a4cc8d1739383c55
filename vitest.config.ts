import { defineConfig } from 'vitest/config';

export default defineConfig({
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
