import { copyFile, mkdir, readFile, realpath, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { OFFLINE, packForNpm } from '../support/programs/npm-package.ts'
import { projectDirectory, systemPath } from '../support/programs/programs.ts'
import { run, runOk } from '../support/programs/run.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

let workspace: Workspace
let prefix: string
let env: NodeJS.ProcessEnv

beforeAll(async () => {
  workspace = await makeWorkspace()
  env = { ...workspace.stockEnv, PATH: `${dirname(process.execPath)}:${systemPath}` }
  prefix = workspace.path('prefix')
  const npm = { ...env, ...OFFLINE }
  const tarball = await packForNpm(workspace.directory, npm)
  const install = ['install', '--global', '--prefix', prefix, tarball]
  await runOk('npm', install, { env: npm, cwd: workspace.directory })
})
afterAll(() => workspace?.remove())

test.each(['git-annex-remote-ora', 'git-annex-remote-riastore'])(
  'the packed package, installed globally, brings %s',
  async (program) => {
    const result = await run(join(prefix, 'bin', program), [], { env, cwd: workspace.directory })
    expect(result.stdout).toBe('VERSION 1\n')
    expect(result.stderr).toBe('')
    expect(result.status).toBe(0)
  },
)

test.each(['git-remote-s3+https', 'git-remote-s3+http', 'git-remote-sftp', 'git-remote-davs', 'git-remote-dav'])(
  'the packed package brings %s, which talks with git',
  async (program) => {
    const input = 'capabilities\n\n'
    const result = await run(join(prefix, 'bin', program), ['origin', 'url'], { env, cwd: workspace.directory, input })
    expect(result.stdout).toBe('fetch\npush\noption\ncheck-connectivity\nobject-format\n\n')
    expect(result.stderr).toBe('')
    expect(result.status).toBe(0)
  },
)

test('the packed package brings riastore', async () => {
  const result = await run(join(prefix, 'bin/riastore'), ['--version'], { env, cwd: workspace.directory })
  expect(result.stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  expect(result.status).toBe(0)
})

test.each(['riastore', 'git-annex-remote-ora', 'git-remote-s3+https'])(
  '%s says in one line that node is too old, and of which version it should be',
  async (program) => {
    // This node, as one that tells the version of another, and a bundle that no node can read.
    const old = workspace.path('old-node.cjs')
    await writeFile(old, "Object.defineProperty(process.versions, 'node', { value: '18.20.4' })\n")
    const { engines } = JSON.parse(await readFile(join(projectDirectory, 'package.json'), 'utf8'))
    const link = await realpath(join(prefix, 'bin', program))
    const copy = workspace.path('too-old', basename(link))
    await mkdir(workspace.path('too-old/programs'), { recursive: true })
    await copyFile(link, copy)
    await writeFile(workspace.path('too-old/programs', basename(link)), 'what is this?')
    const result = await run(process.execPath, ['--require', old, copy, '--version'], { env })
    expect(result.stderr).toBe(
      `riastore needs node ${engines.node.slice(2)} or newer, and this is node 18.20.4: ${process.execPath}\n`,
    )
    expect([result.stdout, result.status]).toEqual(['', 1])
  },
)

test('on Windows the programs say in one line that they are for WSL', async () => {
  const windows = workspace.path('windows.cjs')
  await writeFile(windows, "Object.defineProperty(process, 'platform', { value: 'win32' })\n")
  const program = await realpath(join(prefix, 'bin/git-annex-remote-ora'))
  const result = await run(process.execPath, ['--require', windows, program], { env })
  expect(result.stderr).toMatch(/^riastore does not run on Windows itself: use it in WSL, .*\n$/)
  expect([result.stdout, result.status]).toEqual(['', 1])
})

test('the package names the licences of what is bundled into it', async () => {
  const licenses = await readFile(join(prefix, 'lib/node_modules/riastore/dist/THIRD-PARTY-LICENSES.txt'), 'utf8')
  expect(licenses).toContain('ssh2 ')
  expect(licenses).toContain('Brian White')
})

test('the package brings what runs riastore on a cluster and every night', async () => {
  const contrib = join(prefix, 'lib/node_modules/riastore/contrib')
  const files = ['slurm/riastore-array.sbatch', 'systemd/riastore-check@.service', 'systemd/riastore-check@.timer']
  for (const file of files) expect((await readFile(join(contrib, file), 'utf8')).length).toBeGreaterThan(100)
})

test('of other packages only those with programs or libraries of the machine are left to npm', async () => {
  const { dependencies } = JSON.parse(await readFile(join(prefix, 'lib/node_modules/riastore/package.json'), 'utf8'))
  expect(Object.keys(dependencies)).toEqual(['@napi-rs/lzma'])
  for (const name of Object.keys(dependencies)) {
    await readFile(join(prefix, 'lib/node_modules/riastore/node_modules', name, 'package.json'))
  }
})
