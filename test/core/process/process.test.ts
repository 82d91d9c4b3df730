import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type ProcessOptions, runProcess } from '../../../src/core/process/process.ts'
import { watchStall } from '../../../src/core/process/stall.ts'
import { temporaryDirectory } from '../../support/stores/stores.ts'

/** Runs a few lines of JavaScript: node is the one program that is sure to be there. */
async function script(lines: string, options: ProcessOptions = {}) {
  const { end, stdout, stderr } = await runProcess([process.execPath, '-e', lines], options)
  return { end, stdout: stdout.toString(), stderr: stderr.toString() }
}

/** Runs until it is stopped. */
const FOREVER = 'setInterval(() => {}, 1000);'
const UP = "process.stdout.write('up');"

/** Something to do once the process says that it is up. */
const whenUp = (act: () => void) => ({ onStdout: () => act() })

let place: Awaited<ReturnType<typeof temporaryDirectory>>
beforeEach(async () => {
  place = await temporaryDirectory()
})
afterEach(async () => {
  vi.useRealTimers()
  await place.remove()
})

describe('a process', () => {
  test('gives how it exited and what it said', async () => {
    const lines = "process.stdin.pipe(process.stdout); console.error('grumble'); process.exitCode = 3"
    const finished = await script(lines, { input: 'words' })
    expect(finished).toEqual({ end: { how: 'exited', code: 3 }, stdout: 'words', stderr: 'grumble\n' })
    expect((await script('process.stdin.pipe(process.stdout)')).stdout).toBe('')
  })

  test('works where it is told to, with the environment that it is given', async () => {
    const lines = 'console.log(fs.realpathSync(process.cwd()), process.env.WORD, process.env.HOME)'
    const { stdout } = await script(lines, { cwd: '/', env: { WORD: 'given' } })
    expect(stdout).toBe('/ given undefined\n')
  })

  test('reads a file, and another one that is open here', async () => {
    const file = join(place.path, 'file')
    await writeFile(file, 'content')
    const handle = await open(file)
    const lines = "process.stdin.pipe(process.stdout); process.stderr.write(fs.readFileSync('/dev/fd/3'))"
    const { stdout, stderr } = await script(lines, { input: { file }, fd3: handle.fd })
    await handle.close()
    expect([stdout, stderr]).toEqual(['content', 'content'])
    await rm(file)
    const { end } = await script('process.stdin.resume()', { input: { file } })
    expect(end).toMatchObject({ how: 'stopped', why: { input: { code: 'ENOENT' } } })
  })

  test('that cannot be started, or that somebody else kills, is told apart from one that exits', async () => {
    const { end } = await runProcess(['no-such-program-here'])
    expect(end).toMatchObject({ how: 'not started', error: { code: 'ENOENT' } })
    expect((await script("process.kill(process.pid, 'SIGKILL')")).end).toEqual({ how: 'killed', signal: 'SIGKILL' })
  })

  test('keeps as much of its output as was wanted, and is stopped for more only if that was', async () => {
    const lines = "process.stdout.write('x'.repeat(100_000)); process.exitCode = 5"
    const dropping = await script(lines, { maxOutput: { bytes: 10, more: 'is dropped' } })
    expect(dropping).toMatchObject({ end: { how: 'exited', code: 5 }, stdout: 'x'.repeat(10) })
    const stopping = await script(`${lines}; ${FOREVER}`, { maxOutput: { bytes: 10, more: 'stops' } })
    expect(stopping).toMatchObject({ end: { how: 'stopped', why: 'output' }, stdout: 'x'.repeat(10) })
    expect((await script("console.error('hush')", { stderr: 'dropped' })).stderr).toBe('')
  })
})

describe('a process is stopped', () => {
  test.each<[string, Partial<ProcessOptions>]>([
    ['limit', { limitMs: 100 }],
    ['stalled', { stallMs: 100 }],
  ])('when a limit is reached: %s', async (why, options) => {
    expect((await script(FOREVER, options)).end).toEqual({ how: 'stopped', why })
  })

  test('when its caller wants that, before or after it was started', async () => {
    const caller = new AbortController()
    const options = { signal: caller.signal, ...whenUp(() => caller.abort()) }
    expect((await script(UP + FOREVER, options)).end).toEqual({ how: 'stopped', why: 'aborted' })
    expect((await runProcess(['no-such-program-here'], options)).end).toEqual({ how: 'stopped', why: 'aborted' })
  })

  test('by being asked to end, where it gets time for that', async () => {
    const caller = new AbortController()
    const lines = `process.on('SIGTERM', () => { console.error('tidied'); process.exit() }); ${UP}${FOREVER}`
    const options = { signal: caller.signal, ...whenUp(() => caller.abort()) }
    const asked = await script(lines, { ...options, graceMs: 600_000 })
    expect(asked).toMatchObject({ end: { how: 'stopped', why: 'aborted' }, stderr: 'tidied\n' })
  })

  test('and killed, when it does not end in that time', async () => {
    const caller = new AbortController()
    const lines = `process.on('SIGTERM', () => {}); ${UP}${FOREVER}`
    const { end } = await script(lines, { signal: caller.signal, graceMs: 50, ...whenUp(() => caller.abort()) })
    expect(end).toEqual({ how: 'stopped', why: 'aborted' })
  })

  test('and what it started is left to end its step first, as git does that writes a file under a lock', async () => {
    const caller = new AbortController()
    const step = `process.stdout.write("up"); setTimeout(() => console.log(" done"), 200)`
    const lines = `child_process.spawn(process.execPath, ['-e', '${step}'], { stdio: 'inherit' })`
    const options = { signal: caller.signal, ownGroup: true, graceMs: 600_000 }
    const said: string[] = []
    const onStdout = (bytes: Buffer) => {
      said.push(String(bytes))
      caller.abort()
    }
    const { end } = await script(lines, { ...options, onStdout })
    expect({ end, said: said.join('') }).toEqual({ end: { how: 'stopped', why: 'aborted' }, said: 'up done\n' })
  })

  test('together with what it started, when they are a group, also when it has ended itself', async () => {
    for (const itself of ['process.exit()', FOREVER]) {
      const caller = new AbortController()
      let pid = 0
      const lines = `
        const child = child_process.spawn(process.execPath, ['-e', '${FOREVER}'], { stdio: 'inherit' })
        process.stdout.write(String(child.pid), () => { ${itself} })`
      const onStdout = (bytes: Buffer) => {
        pid = Number(bytes)
        caller.abort()
      }
      const { end } = await script(lines, { signal: caller.signal, ownGroup: true, onStdout })
      expect(end).toEqual({ how: 'stopped', why: 'aborted' })
      // Nobody here waits for it: it is gone once init, or whatever stands for it, has seen its
      // end.
      await expect.poll(() => isRunning(pid)).toBe(false)
    }
  })
})

/** False for one that has ended and was not waited for yet, too. */
async function isRunning(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '')
  return /\) [^ZX]/.test(stat)
}

describe('doing nothing', () => {
  let sleeping: ChildProcess
  beforeEach(async () => {
    sleeping = spawn(process.execPath, ['-e', UP + FOREVER], { stdio: ['ignore', 'pipe', 'ignore'] })
    await once(sleeping.stdout as NonNullable<typeof sleeping.stdout>, 'data')
    sleeping.kill('SIGSTOP') // so that it computes nothing at all
    await expect.poll(async () => isStopped(sleeping.pid)).toBe(true)
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
  })
  afterEach(() => {
    sleeping.kill('SIGKILL')
  })

  test('is noticed after the limit, and what moves meanwhile begins it anew', () => {
    const stalled = vi.fn()
    const watch = watchStall(sleeping.pid, 1000, true, stalled)
    vi.advanceTimersByTime(900)
    watch.moved()
    vi.advanceTimersByTime(900)
    expect(stalled).not.toHaveBeenCalled()
    vi.advanceTimersByTime(200)
    expect(stalled).toHaveBeenCalledOnce()
    vi.advanceTimersByTime(5000)
    expect(stalled).toHaveBeenCalledOnce()
  })

  test('is something else than computing, where that counts', () => {
    const stalled = vi.fn()
    const { end } = watchStall(process.pid, 1000, true, stalled)
    const computed = () => process.cpuUsage().user + process.cpuUsage().system
    for (let at = 0; at < 12; at++) {
      const before = computed()
      while (computed() - before < 40_000); // some ticks of the system's clock
      vi.advanceTimersByTime(100)
    }
    expect(stalled).not.toHaveBeenCalled()
    end()
  })

  test('is not what happens while we are stopped ourselves', () => {
    const stalled = vi.fn()
    const { end } = watchStall(sleeping.pid, 1000, false, stalled)
    vi.advanceTimersByTime(100)
    const now = performance.now()
    vi.spyOn(performance, 'now').mockImplementation(() => now + 3_600_000)
    vi.advanceTimersByTime(100)
    expect(stalled).not.toHaveBeenCalled()
    vi.mocked(performance.now).mockRestore()
    end()
  })
})

async function isStopped(pid: number | undefined): Promise<boolean> {
  return /\) T/.test(await readFile(`/proc/${pid}/stat`, 'latin1'))
}
