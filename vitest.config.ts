import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

const realPrograms = { testTimeout: 300_000, hookTimeout: 120_000 }

// Which project a test belongs to is where it lies: test/README.md.
export default defineConfig({
  test: {
    // The real programs wait more than they compute.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    reporters: ['default', './scripts/vitest-summary.mjs'],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/programs/**', 'test/e2e/**'],
          testTimeout: 30_000,
        },
      },
      {
        test: { name: 'programs', include: ['test/programs/**/*.test.ts'], ...realPrograms },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          exclude: ['test/e2e/full/**'],
          ...realPrograms,
        },
      },
      {
        // What takes too long for every day: npm run test:full
        test: {
          name: 'full',
          include: ['test/e2e/full/**/*.test.ts'],
          ...realPrograms,
          testTimeout: 3_600_000,
        },
      },
    ],
  },
})
