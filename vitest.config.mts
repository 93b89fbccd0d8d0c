import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

// Two suites: quick (a few seconds; *.test.ts) and slow (real data, fuzzing, golden runs, soak and child processes; *.slow.test.ts).
// Workers are processes, not threads: tests of kernels choose the instruction set, which is one for a process.
// STEEPEST_TUNE=0: what is computed must not depend on how long something took.
const common = { globals: false, pool: 'forks' as const, testTimeout: 20_000, env: { STEEPEST_TUNE: '0' } };
export default defineConfig({
  test: {
    maxWorkers: Math.min(4, availableParallelism()), // by itself vitest leaves a core idle
    reporters: ['default', './test/helpers/summary-reporter.ts'],
    experimental: { fsModuleCache: true }, // what has been transpiled once is read again, from node_modules
    projects: [
      {
        test: {
          ...common,
          name: 'quick',
          isolate: false,
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.slow.test.ts'],
        },
      },
      {
        test: {
          ...common,
          name: 'slow',
          include: ['test/**/*.slow.test.ts'],
          testTimeout: 300_000,
        },
      },
    ],
  },
});
