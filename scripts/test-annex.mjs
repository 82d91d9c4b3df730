// Runs the tests of e2e, or some files of them, with the newest git-annex of Debian (sid), or that
// of another of its suites, in the place of this system's: its package is unpacked beside us, with
// the libraries that it wants, and nothing is installed.
// Run: npm run test:annex [-- --suite trixie] [FILE...]
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { project } from './build.mjs'
import { unpackAnnex } from './other-annex.mjs'
import { must } from './other-debian.mjs'

const { values, positionals: wanted } = parseArgs({
  options: { suite: { type: 'string', default: 'sid' } },
  allowPositionals: true,
})
const programs = await unpackAnnex(values.suite)
const env = { ...process.env, RIASTORE_TEST_PROGRAMS: programs }
must(join(programs, 'git-annex'), ['version'])
const vitest = join(project, 'node_modules/vitest/vitest.mjs')
const words = ['run', '--project', 'e2e', ...wanted]
process.exitCode = spawnSync(process.execPath, [vitest, ...words], { cwd: project, env, stdio: 'inherit' }).status ?? 1
