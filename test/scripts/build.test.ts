import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { projectDirectory } from '../support/programs/programs.ts'
import { runOk } from '../support/programs/run.ts'
import { temporaryDirectory } from '../support/stores/stores.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
beforeEach(async () => {
  directory = await temporaryDirectory()
  await mkdir(join(directory.path, 'bin'))
})
afterEach(() => directory.remove())

/**
 * Builds a program that says this, if what is there is stale. Gives what the built program says.
 */
async function build(word: string): Promise<string> {
  const [bin, out] = ['bin', 'out'].map((name) => join(directory.path, name)) as [string, string]
  await writeFile(join(bin, 'says.ts'), `process.stdout.write('${word}')\n`)
  await runOk(process.execPath, [join(projectDirectory, 'scripts/build.mjs'), '--if-stale', bin, out])
  return (await runOk(process.execPath, [join(out, 'says.js')])).stdout
}

test('what was built of the sources that are here is not built again, and all else is', async () => {
  expect(await build('first')).toBe('first')
  // These are none of the project's sources, so nobody can tell that the program changed.
  expect(await build('second')).toBe('first')
  const sources = join(directory.path, 'out/.sources')
  const built = await readFile(sources, 'utf8')
  await writeFile(
    sources,
    built.replace(/^./, (digit) => (digit === '0' ? '1' : '0')),
  )
  expect(await build('third')).toBe('third')
  expect(await readFile(sources, 'utf8')).toBe(built)
  await rm(sources)
  expect(await build('fourth')).toBe('fourth')
})
