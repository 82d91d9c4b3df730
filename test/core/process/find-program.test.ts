import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { delimiter, join, relative } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { findProgram, programsOnPath } from '../../../src/core/process/find-program.ts'
import { temporaryDirectory } from '../../support/stores/stores.ts'

let place: Awaited<ReturnType<typeof temporaryDirectory>>
beforeEach(async () => {
  place = await temporaryDirectory()
  for (const name of ['one', 'two', 'three']) await mkdir(join(place.path, name))
})
afterEach(() => place.remove())

const file = (name: string) => join(place.path, name)
const pathOf = (...names: string[]) => names.map(file).join(delimiter)

test('programs are found in the order of PATH, through links too', async () => {
  await writeFile(file('two/prog'), '', { mode: 0o755 })
  await symlink(file('two/prog'), file('three/prog'))
  const found: string[] = []
  for await (const each of programsOnPath('prog', pathOf('one', 'three', 'none', 'two'))) found.push(each)
  expect(found).toEqual([file('three/prog'), file('two/prog')])
  expect(await findProgram('prog', pathOf('one', 'two', 'three'))).toBe(file('two/prog'))
})

test('what may not be run, is a directory, or lies where PATH is not absolute is no program', async () => {
  await writeFile(file('one/prog'), '', { mode: 0o644 })
  await mkdir(file('two/prog'), { mode: 0o755 })
  await symlink(file('nothing'), file('three/prog'))
  expect(await findProgram('prog', pathOf('one', 'two', 'three'))).toBeUndefined()
  await writeFile(file('one/other'), '', { mode: 0o755 })
  expect(await findProgram('other', pathOf('one'))).toBe(file('one/other'))
  expect(await findProgram('other', relative(process.cwd(), file('one')))).toBeUndefined()
})
