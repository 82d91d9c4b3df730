import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { run } from '../../../src/core/process/run.ts'

/** Runs a few lines of JavaScript: node is the one program that is sure to be there. */
const runScript = (script: string, options: Parameters<typeof run>[2] = {}) =>
  run(process.execPath, ['-e', script], options)

/** Runs far longer than any test may, so a test that waits for its end fails. */
const SLEEP = 'setTimeout(() => {}, 3_600_000)'

afterEach(() => {
  vi.useRealTimers()
})

describe('running a program', () => {
  test('gives what it printed and its exit code', async () => {
    const script = "process.stdin.pipe(process.stdout); console.error('grumble'); process.exitCode = 3"
    const { code, stdout, stderr } = await runScript(script, { input: Buffer.from('words') })
    expect({ code, stdout: stdout.toString(), stderr }).toEqual({ code: 3, stdout: 'words', stderr: 'grumble\n' })
  })

  test('that reads nothing of a long input ends well', async () => {
    expect((await runScript('process.exit()', { input: Buffer.alloc(1_000_000) })).code).toBe(0)
  })

  test('that is still running at the limit kills it and says so', async () => {
    await expect(runScript(SLEEP, { limitMs: 100 })).rejects.toThrow('node did not end within 0.1 s')
  })

  test('whose child keeps its output open is given up at the limit all the same', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    // The child tells its pid, for nobody else ends it; it has the output of the one that started
    // it.
    const child = `child_process.spawn(process.execPath, ['-e', '${SLEEP}'], { stdio: 'inherit', detached: true })`
    for (const end of ['process.exit()', SLEEP]) {
      const file = join(tmpdir(), `riastore-pid-${randomUUID()}`)
      const write = `fs.writeFileSync('${file}.new', String(${child}.pid)); fs.renameSync('${file}.new', '${file}')`
      const running = runScript(`${write}; ${end}`, { limitMs: 60_000 })
      const given = expect(running).rejects.toThrow('did not end within 60 s')
      while (!existsSync(file)) await sleep(5)
      vi.advanceTimersByTime(60_000)
      await given
      process.kill(Number(await readFile(file, 'utf8')), 'SIGKILL')
      await rm(file)
    }
  })

  test('that does not exist fails with the error of node', async () => {
    await expect(run('no-such-program-here', [])).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('that somebody else kills gives no exit code', async () => {
    expect((await runScript("process.kill(process.pid, 'SIGKILL')")).code).toBeUndefined()
  })

  test('happens in the directory that was asked for', async () => {
    expect((await runScript('console.log(process.cwd())', { cwd: '/' })).stdout.toString()).toBe('/\n')
  })
})
