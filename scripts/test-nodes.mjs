// Runs the unit tests, and a day in the life of a dataset (published, cloned and got, on disk and
// over ssh), with each version of node that is promised. Run: npm run test:nodes [-- VERSION...]
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { project } from './build.mjs'
import { fetchNode, NODE_VERSIONS } from './package/fetched.mjs'

const VITEST = join(project, 'node_modules/vitest/vitest.mjs')
const RUNS = [
  ['--project', 'unit'],
  ['--project', 'e2e', 'test/e2e/daily-life.test.ts'],
]

const wanted = process.argv.slice(2)
for (const version of NODE_VERSIONS.filter((each) => wanted.length === 0 || wanted.includes(each))) {
  const node = join(await fetchNode(version), 'bin/node')
  for (const words of RUNS) {
    const env = { ...process.env, CI: 'true' }
    const { status } = spawnSync(node, [VITEST, 'run', ...words], { cwd: project, env, stdio: 'inherit' })
    process.stdout.write(`node ${version}: ${words.at(-1)} ${status === 0 ? 'is well' : 'FAILED'}\n`)
    if (status !== 0) process.exitCode = 1
  }
}
