import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, expect, test } from 'vitest'
import { endOrphans, environmentOfChild } from '../../../src/core/process/orphans.ts'

const started: ChildProcess[] = []
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL')
})

/** Says `up` whenever it hears something, until it is killed. */
const SCRIPT = "process.stdin.on('data', () => process.stdout.write('up'))"

async function listener(env: NodeJS.ProcessEnv, words: readonly string[] = [], user = {}) {
  const child = spawn(process.execPath, ['-e', SCRIPT, ...words], { env, stdio: ['pipe', 'pipe', 'ignore'], ...user })
  started.push(child)
  const ended = once(child, 'exit').then(([, signal]) => signal)
  /** `up`, or the signal that ended it. */
  const answer = () => {
    child.stdin.on('error', () => {}) // it has ended
    child.stdin.write('?')
    return Promise.race([once(child.stdout, 'data').then(String), ended])
  }
  expect(await answer()).toBe('up')
  return { answer, ended }
}

/** The environment that a process which is gone gave to what it started. */
function environmentOfTheDead(): NodeJS.ProcessEnv {
  const [[name = '', mark = ''] = []] = Object.entries(environmentOfChild({}))
  const { pid } = spawnSync(process.execPath, ['-e', ''])
  return { ...process.env, [name]: mark.replace(/^\d+ \d+/, `${pid} 1`) }
}

test('what a process that is gone had started is ended', async () => {
  const { ended } = await listener(environmentOfTheDead())
  await endOrphans()
  expect(await ended).toBe('SIGKILL')
})

test('what a living process has started goes on, and so does what only names our files in its arguments', async () => {
  const ours = await listener(environmentOfChild())
  const bystander = await listener(process.env, ['/store/abc/def/archives/riastore-1-0123456789ab-1.tmp'])
  await endOrphans()
  expect([await ours.answer(), await bystander.answer()]).toEqual(['up', 'up'])
})

// Only root can start something for somebody else.
test.skipIf(process.getuid?.() !== 0)(
  'what another user has started goes on, whatever its environment says',
  async () => {
    const theirs = await listener(environmentOfTheDead(), [], { uid: 65534, gid: 65534, cwd: '/' })
    await endOrphans()
    expect(await theirs.answer()).toBe('up')
  },
)
