import { expect, it } from 'vitest'
import { write } from '../../support/stores/stores.ts'
import { type Bench, failure } from './bench.ts'

export function running(bench: Bench, { executes, writes }: { executes: boolean; writes: boolean }): void {
  if (!executes) {
    it('is `unsupported` to run a program', async () => {
      await failure(bench.store.exec(['true'], { cwd: '' }), 'unsupported')
    })
    return
  }

  it('runs a program in a directory, with its input, and gives what it printed', async () => {
    if (writes) await write(bench.store, bench.at('file'), 'content')
    const { code, stdout } = await bench.store.exec(['cat', 'file', '-'], { cwd: bench.at(), input: Buffer.from('!') })
    expect([code, stdout.toString()]).toEqual([0, 'content!'])
  })

  it('hands arguments over as they are', async () => {
    await write(bench.store, bench.at('file'), '')
    const words = ['a b', '*', "it's", '"', '$HOME', '`id`', 'line\nbreak', 'ü', '', '\\', '!x']
    const { stdout } = await bench.store.exec(['printf', '%s|', ...words], { cwd: bench.at() })
    expect(stdout.toString()).toBe(`${words.join('|')}|`)
  })

  it('tells the exit code and what was said on stderr', async () => {
    await write(bench.store, bench.at('file'), '')
    const { code, stderr } = await bench.store.exec(['sh', '-c', 'echo oh >&2; exit 3'], { cwd: bench.at() })
    expect([code, stderr.trim()]).toEqual([3, 'oh'])
  })

  it('ends soon when its signal aborts', async () => {
    await write(bench.store, bench.at('file'), '')
    const controller = new AbortController()
    const sleeping = bench.store.exec(['sleep', '20'], { cwd: bench.at(), signal: controller.signal })
    setTimeout(() => controller.abort(), 200)
    await failure(sleeping, 'aborted')
  })
}
