import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { expect, test } from 'vitest'
import { projectDirectory, systemProgram } from '../../support/programs/programs.ts'
import { run, runOk } from '../../support/programs/run.ts'

/** What the packages bring besides: each script by its name. */
const PACKAGED = `
import { POSTRM, PREINST } from './scripts/package/debian.mjs'
import { withItsNode, withNodeOfPython } from './scripts/package/launchers.mjs'
const texts = [PREINST, POSTRM, withItsNode('../lib/riastore')('dist/riastore.js')]
console.log(JSON.stringify([...texts, withNodeOfPython('../share/riastore')('dist/riastore.js')]))
`

async function scripts(): Promise<ReadonlyMap<string, string>> {
  const files = await Promise.all(
    ['.ci', 'contrib', 'packaging', 'procedures', 'scripts'].map(async (folder) =>
      (await readdir(join(projectDirectory, folder), { recursive: true, withFileTypes: true }))
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name)),
    ),
  )
  const named = await Promise.all(
    files.flat().map(async (path): Promise<[string, string]> => {
      return [relative(projectDirectory, path), await readFile(path, 'utf8')]
    }),
  )
  const made = await runOk(process.execPath, ['--input-type=module', '-e', PACKAGED], { cwd: projectDirectory })
  const packaged = (JSON.parse(made.stdout) as string[]).map((text, i): [string, string] => [`packaged ${i}`, text])
  return new Map([...named, ...packaged].filter(([, text]) => text.startsWith('#!/bin/sh\n')))
}

test('shellcheck finds nothing in the scripts for a shell, nor in those that the packages bring', async () => {
  const all = await scripts()
  expect([...all.keys()]).toEqual(
    expect.arrayContaining(['procedures/cfg_riastore', 'contrib/slurm/riastore-array.sbatch', '.ci/run', 'packaged 3']),
  )
  const program = await systemProgram('shellcheck')
  for (const [name, input] of all) {
    const result = await run(program, ['--shell=sh', '-'], { input })
    expect(result.stdout, name).toBe('')
  }
})
