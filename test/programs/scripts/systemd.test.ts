import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findCommand } from '../../../src/cli/table/find.ts'
import { parseWords } from '../../../src/cli/words/parse.ts'
import { projectDirectory, systemProgram } from '../../support/programs/programs.ts'
import { run } from '../../support/programs/run.ts'

const UNITS = join(projectDirectory, 'contrib/systemd')

test('systemd takes the units of the nightly check', async () => {
  const analyze = await systemProgram('systemd-analyze')
  for (const name of ['riastore-check@.timer', 'riastore-check@.service']) {
    const { stderr } = await run(analyze, ['verify', '--man=no', join(UNITS, name)])
    // That the program is not installed is no fault of the unit.
    expect(stderr.split('\n').filter((line) => /riastore-check/.test(line) && !/is not executable/.test(line))).toEqual(
      [],
    )
  }
})

test('what the nightly check runs is a command line of riastore', async () => {
  const service = await readFile(join(UNITS, 'riastore-check@.service'), 'utf8')
  const [, line = ''] = /^ExecStart=riastore (.+)$/m.exec(service) ?? []
  const { command, words } = findCommand(line.split(' '))
  expect(command && parseWords(command, words)).toMatchObject({ data: true, for: '6h', resume: true, words: ['%i'] })
})
