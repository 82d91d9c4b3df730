import { describe, expect, test } from 'vitest'
import { run } from '../../../src/core/run.ts'

describe('running a program', () => {
  test('gives what it printed and its exit code', async () => {
    const script = 'cat; echo grumble >&2; exit 3'
    const { code, stdout, stderr } = await run('sh', ['-c', script], { input: Buffer.from('words') })
    expect({ code, stdout: stdout.toString(), stderr }).toEqual({ code: 3, stdout: 'words', stderr: 'grumble\n' })
  })

  test('that reads nothing of a long input ends well', async () => {
    expect((await run('true', [], { input: Buffer.alloc(1_000_000) })).code).toBe(0)
  })

  test('that is still running at the limit kills it and says so', async () => {
    const began = performance.now()
    await expect(run('sleep', ['30'], { limitMs: 100 })).rejects.toThrow('sleep did not end within 0.1 s')
    expect(performance.now() - began).toBeLessThan(5_000)
  })

  test('whose child keeps its output open is given up at the limit all the same', async () => {
    const began = performance.now()
    await expect(run('sh', ['-c', 'sleep 8; true'], { limitMs: 100 })).rejects.toThrow('did not end')
    await expect(run('sh', ['-c', 'sleep 8 &'], { limitMs: 100 })).rejects.toThrow('did not end')
    expect(performance.now() - began).toBeLessThan(5_000)
  })

  test('that does not exist fails with the error of node', async () => {
    await expect(run('no-such-program-here', [])).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('that somebody else kills gives no exit code', async () => {
    expect((await run('sh', ['-c', 'kill -KILL $$'])).code).toBeUndefined()
  })

  test('happens in the directory that was asked for', async () => {
    expect((await run('pwd', [], { cwd: '/' })).stdout.toString()).toBe('/\n')
  })
})
