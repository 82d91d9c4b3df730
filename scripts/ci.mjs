// What has to pass before a change goes in. Lint, types and the unit tests come first: they need
// node alone and answer within a minute. Then come the programs and the rest of the tests, with
// nothing skipped; at most three of their files that fail run once more (test/README.md). The very
// line is `N passed, N failed`, alone on its line, for all of it.
import { availableParallelism } from 'node:os'
import { runSteps } from './ci-steps.mjs'

// The real programs wait now and then: with as many as vitest.config.ts has, which is right for
// `unit`, a tenth of the processors is idle.
const workers = `--maxWorkers=${availableParallelism() + 4}`

const isWell = await runSteps([
  { name: 'setup', command: ['node', 'scripts/setup.mjs', '--node-only'] },
  { name: 'lint', command: ['npx', 'biome', 'check', '.'] },
  { name: 'types', command: ['npx', 'tsc', '--noEmit'] },
  { name: 'unit', command: ['npx', 'vitest', 'run', '--project', 'unit'] },
  { name: 'programs', command: ['node', 'scripts/setup.mjs'] },
  {
    name: 'tests',
    command: ['npx', 'vitest', 'run', workers, '--project', 'programs', '--project', 'e2e'],
    again: true,
  },
])
process.exitCode = isWell ? 0 : 1
