import { expect, test } from 'vitest'
import { type StreamOptions, streamProcess } from '../../../src/core/process/stream.ts'

const OPTIONS: StreamOptions = {
  cwd: import.meta.dirname,
  stdin: 'ignore',
  stderr: 'kept',
  stallMs: Number.POSITIVE_INFINITY,
  graceMs: 100_000,
}

const start = (script: string, options: Partial<StreamOptions> = {}) =>
  streamProcess([process.execPath, '-e', script], { ...OPTIONS, ...options })

test('what a program prints is read while it runs, and how it ended is told', async () => {
  const started = start('process.stdin.pipe(process.stdout); process.stdin.on("end", () => process.exit(3))', {
    stdin: 'pipe',
  })
  started.stdin.write('one')
  for await (const chunk of started.stdout) {
    expect(String(chunk)).toBe('one')
    break
  }
  started.stdin.end()
  expect(await started.end).toEqual({ how: 'exited', code: 3 })
})

test('a program is asked to end first, and killed when it does not', async () => {
  const says = async (onTerm: string, graceMs: number) => {
    const controller = new AbortController()
    const script = `process.on("SIGTERM", () => { ${onTerm} }); console.log("ready"); setInterval(() => {}, 1e6)`
    const started = start(script, { signal: controller.signal, graceMs })
    for await (const _ of started.stdout) controller.abort()
    expect(await started.end).toEqual({ how: 'stopped', why: 'aborted' })
    return started.said()
  }
  expect(await says('console.error("asked"); process.exit()', 100_000)).toBe('asked')
  await says('', 300)
})

test('a program that cannot be started is told of', async () => {
  const { end } = streamProcess(['/there/is/no/such/program'], OPTIONS)
  expect(await end).toMatchObject({ how: 'not started', error: { code: 'ENOENT' } })
})
