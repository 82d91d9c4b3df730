import { expect, test } from 'vitest'
import { outputOf } from '../../../src/bulk/clone/programs.ts'

const CWD = import.meta.dirname

test('a program that hangs is ended, in words that name it', async () => {
  const hanging = outputOf(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], { cwd: CWD, stallMs: 1_000 })
  await expect(hanging).rejects.toMatchObject({
    kind: 'unsupported',
    message: expect.stringMatching(/-e .*it did nothing for 1 s/),
  })
})

test('one that goes on for longer than that is left to its end, also when only what it started computes', async () => {
  const child = 'for (const end = Date.now() + 2000; Date.now() < end; );'
  const parent = `child_process.spawn(process.execPath, ['-e', '${child}']).on('close', () => console.log('done'))`
  expect(String(await outputOf(process.execPath, ['-e', parent], { cwd: CWD, stallMs: 1_000 }))).toBe('done\n')
})
