import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Dataset } from '../../../../src/setup/dataset.ts'
import { fillTemplate, namesOf } from '../../../../src/setup/site/naming.ts'
import { runOk } from '../../../support/programs/run.ts'
import { temporaryDirectory } from '../../../support/stores/stores.ts'

let temporary: Awaited<ReturnType<typeof temporaryDirectory>>
beforeEach(async () => {
  temporary = await temporaryDirectory()
})
afterEach(() => temporary.remove())

async function dataset(path: string, more = ''): Promise<Dataset> {
  const directory = join(temporary.path, path)
  await mkdir(join(directory, '.datalad'), { recursive: true })
  await writeFile(join(directory, '.datalad/config'), `[datalad "dataset"]\nid = of-${path}\n${more}`)
  await runOk('git', ['init', '-q'], { cwd: directory })
  return Dataset.open(directory)
}

test('a dataset is named by its directory, one below others by the way from the outermost', async () => {
  const top = await dataset('top')
  const inner = await dataset('top/a b/inner')
  expect(await namesOf(top, 'lab', {})).toEqual({ name: 'top', directory: 'top', id: 'of-top' })
  expect(await namesOf(inner, 'lab', {})).toMatchObject({ name: 'top-a b-inner', directory: 'inner' })
})

test('one below a dataset with a project of that site is named after the project, whatever the directory is called', async () => {
  await dataset('copy-2', '[riastore "lab"]\nproject = lab/data/original\n')
  const inner = await dataset('copy-2/sub')
  expect(await namesOf(inner, 'lab', {})).toMatchObject({ name: 'original-sub' })
  expect(await namesOf(inner, 'other', {})).toMatchObject({ name: 'copy-2-sub' })
})

test.each([
  ['{name}', 'top-a b-Ünï', 'top-a-b-Uni'],
  ['{directory}', '_x__y.-z_', 'x_y-z'],
  ['ds-{id}', 'x', 'ds-1-2'],
])('%s with %s becomes %s', (template, name, expected) => {
  expect(fillTemplate(template, { name, directory: name, id: '1-2' }, '--project-name')).toBe(expected)
})

test('a name of which nothing is left is an error that names the option that helps', () => {
  const names = { name: '例', directory: '例', id: 'x' }
  expect(() => fillTemplate('{name}', names, '--project-name')).toThrow(
    /no name can be made of "例": give --project-name/,
  )
})
