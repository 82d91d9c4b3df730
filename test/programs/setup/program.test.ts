import { expect, test } from 'vitest'
import { ProgramError, runProgram } from '../../../src/setup/program.ts'

const sh = (script: string, options = {}) => runProgram('a script', ['sh', '-c', script], options)

test('what a program prints comes back, and its input is empty unless given', async () => {
  const { code, stdout } = await sh('cat; echo end')
  expect([code, stdout.toString()]).toEqual([0, 'end\n'])
  expect((await sh('cat', { input: 'given' })).stdout.toString()).toBe('given')
})

test('a failure is one line with what the program said last, its errors before its progress', async () => {
  const failing = sh('echo "fatal: no way" >&2; printf "50%%\\r100%%\\n" >&2; exit 3')
  await expect(failing).rejects.toThrow(/^a script ended with exit code 3: fatal: no way$/)
  await expect(failing).rejects.toBeInstanceOf(ProgramError)
  await expect(sh('echo one >&2; echo two >&2; exit 1')).rejects.toThrow('exit code 1: one two')
  await expect(sh('kill -9 $$')).rejects.toThrow('a script ended with a signal')
  expect((await sh('exit 5', { mayEndWith: [5] })).code).toBe(5)
})

test('a program that there is not is named', async () => {
  await expect(runProgram('git annex', ['no-such-program'])).rejects.toThrow(/^git annex cannot be run: .*ENOENT/)
})

test('a program that says nothing for too long is ended, and so is what it started', async () => {
  await expect(sh('sleep 60 & wait', { stallMs: 200 })).rejects.toThrow('a script did nothing for 0.2 s')
  expect((await sh('for n in 1 2 3 4 5; do sleep 0.1; echo $n; done', { stallMs: 400 })).code).toBe(0)
})

test('an abort ends it with the reason', async () => {
  const stop = new AbortController()
  const running = sh('sleep 60', { signal: stop.signal })
  setTimeout(() => stop.abort(), 100)
  await expect(running).rejects.toMatchObject({ kind: 'aborted' })
  await expect(sh('echo', { signal: stop.signal })).rejects.toMatchObject({ kind: 'aborted' })
})

test('a repository that our own environment names is not the one that it works on', async () => {
  const { env } = process
  process.env.GIT_DIR = '/elsewhere'
  try {
    expect((await sh('echo "$GIT_DIR$GIT_TERMINAL_PROMPT"')).stdout.toString()).toBe('0\n')
  } finally {
    env.GIT_DIR = undefined
    delete env.GIT_DIR
  }
})
