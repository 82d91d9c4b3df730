import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'
import { LongestFirst } from './test/support/shared/longest-first.ts'
import { temporaryFilesInMemory } from './test/support/shared/temporary-files.ts'
import { ALL_VARIANTS, withVariants } from './test/support/shared/variants.ts'

// Of this process, for the workers and the programs that they run take it from here.
process.env.TMPDIR = temporaryFilesInMemory() ?? tmpdir()
// What our functions keep between runs in a test's own process is of this run (global-setup.ts
// removes it), and not of who runs it.
process.env.XDG_CACHE_HOME = join(process.env.TMPDIR, `riastore-kept-${process.pid}`, 'cache')
process.env.XDG_STATE_HOME = join(process.env.TMPDIR, `riastore-kept-${process.pid}`, 'state')
// Each start of node reads all these certificates, which takes longer than the rest of it; the
// servers of the tests have some of their own.
delete process.env.NODE_EXTRA_CA_CERTS

/** What is polled for comes soon, but for a busy machine. */
const patient = { poll: { timeout: 60_000 } }

const realPrograms = {
  expect: patient,
  setupFiles: ['test/support/shared/connect.ts'],
  // Against what hangs. A busy machine takes ten times as long as an idle one.
  testTimeout: 900_000,
  hookTimeout: 600_000,
}

// Which project a test belongs to is where it lies: test/README.md.
export default defineConfig({
  test: {
    // The real programs wait as much as they compute.
    maxWorkers: availableParallelism() + 2,
    sequence: { sequencer: LongestFirst },
    // Serves what all files share, and starts none of it before a file asks.
    globalSetup: ['test/support/shared/global-setup.ts'],
    reporters: ['default', './scripts/vitest-summary.mjs'],
    projects: [
      {
        test: {
          name: 'unit',
          // One process runs many files, which takes two thirds of the time. What a file changes of the process, it puts back.
          isolate: false,
          include: ['test/**/*.test.ts'],
          exclude: ['test/programs/**', 'test/e2e/**'],
          expect: patient,
          setupFiles: ['test/support/shared/node-only.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
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
        // What takes too long for every day: npm run test:full. Among it are files of e2e, with all
        // variants of their tests.
        test: {
          name: 'full',
          include: ['test/e2e/full/**/*.test.ts', ...withVariants()],
          env: { [ALL_VARIANTS]: 'all' },
          ...realPrograms,
          testTimeout: 3_600_000,
        },
      },
    ],
  },
})
