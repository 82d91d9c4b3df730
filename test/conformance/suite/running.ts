import { expect, it } from 'vitest'
import { write } from '../../support/stores/stores.ts'
import { type Bench, failure } from './bench.ts'

/**
 * A program that is where our tests are, on every machine: here it runs a few lines of JavaScript.
 */
const node = (script: string, ...words: string[]) => [process.execPath, '-e', script, '--', ...words]
const CAT = 'process.stdout.write(fs.readFileSync(process.argv[1])); process.stdin.pipe(process.stdout)'
const PRINT = "process.stdout.write(process.argv.slice(1).map((word) => word + '|').join(''))"

export function running(bench: Bench, { executes, writes }: { executes: boolean; writes: boolean }): void {
  if (!executes) {
    it('is `unsupported` to run a program', async () => {
      await failure(bench.store.exec(['true'], { cwd: '' }), 'unsupported')
    })
    return
  }

  it('runs a program in a directory, with its input, and gives what it printed', async () => {
    if (writes) await write(bench.store, bench.at('file'), 'content')
    const { code, stdout } = await bench.store.exec(node(CAT, 'file'), { cwd: bench.at(), input: Buffer.from('!') })
    expect([code, stdout.toString()]).toEqual([0, 'content!'])
  })

  it('hands arguments over as they are', async () => {
    await write(bench.store, bench.at('file'), '')
    const words = ['a b', '*', "it's", '"', '$HOME', '`id`', 'line\nbreak', 'ü', '', '\\', '!x']
    const { stdout } = await bench.store.exec(node(PRINT, ...words), { cwd: bench.at() })
    expect(stdout.toString()).toBe(`${words.join('|')}|`)
  })

  it('tells the exit code and what was said on stderr', async () => {
    await write(bench.store, bench.at('file'), '')
    const { code, stderr } = await bench.store.exec(node("console.error('oh'); process.exit(3)"), { cwd: bench.at() })
    expect([code, stderr.trim()]).toEqual([3, 'oh'])
  })

  it('ends soon when its signal aborts', async () => {
    await write(bench.store, bench.at('file'), '')
    const controller = new AbortController()
    const sleeping = bench.store.exec(node('setTimeout(() => {}, 20_000)'), {
      cwd: bench.at(),
      signal: controller.signal,
    })
    setTimeout(() => controller.abort(), 200)
    await failure(sleeping, 'aborted')
  })
}
