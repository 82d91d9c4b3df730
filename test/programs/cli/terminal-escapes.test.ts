import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { plainTable } from '../../../src/cli/tables.ts'
import { safeTerminal } from '../../../src/cli/terminal.ts'
import { makeArchive } from '../../support/archives/real-archive.ts'
import { objectsOf, riastore } from '../../support/programs/console-double.ts'
import { type DatasetOnDisk, datasetOnDisk } from '../../support/stores/dataset-on-disk.ts'
import { DIRECTORY, ID } from '../../support/stores/memory-dataset.ts'

/** Sets the window's title, turns red, goes up a line, and does the same in eight bits. */
const EVIL = '\u001b]0;owned\u0007\u001b[31m\u001b[1A\u009b2J\u202etxt'
const SHOWN = '\\u001b]0;owned\\u0007\\u001b[31m\\u001b[1A\\u009b2J\\u202etxt'
/** What a terminal acts on, but for the ends of lines. */
const ACTED_ON = /[^\P{Cc}\n]|\u202e/u

let dataset: DatasetOnDisk
beforeEach(async () => {
  dataset = await datasetOnDisk()
})
afterEach(() => dataset.remove())

async function archive(...names: string[]): Promise<void> {
  const files = new Map(names.map((name) => [name, Buffer.from(name)]))
  await writeFile(dataset.file('archives/archive.7z'), await makeArchive(files, ['-mx0']))
}

test('archive --list and --verify show names that move the cursor without their effect', async () => {
  const forged = `x/y/WORM--${EVIL}\n        1  MD5E-s1--forged/a`
  await archive(`x/y/WORM--${EVIL}/WORM--${EVIL}`, forged)
  const list = await riastore(['archive', '--list', dataset.root, ID])
  expect(list.stdout).not.toMatch(ACTED_ON)
  expect(list.stdout).toContain(`WORM--${SHOWN}`)
  expect(list.stdout.trimEnd().split('\n')).toHaveLength(2)
  const verify = await riastore(['archive', '--verify', dataset.root, ID])
  expect(verify.stdout + verify.stderr).not.toMatch(ACTED_ON)
  expect(verify.stderr.trimEnd().split('\n')).toHaveLength(2)
})

test('with --json the very names are printed, and nothing that a terminal acts on', async () => {
  const name = `x/y/WORM--${EVIL}/WORM--${EVIL}`
  await archive(name)
  const ran = await riastore(['archive', '--list', '--json', dataset.root, ID])
  expect(ran.stdout).not.toMatch(ACTED_ON)
  expect(objectsOf(ran, 'key')).toMatchObject([{ name }])
})

test('an error, an alias and a loose key of such a name are shown without its effect', async () => {
  await mkdir(join(dataset.root, 'alias'))
  await symlink(`../${DIRECTORY}`, join(dataset.root, 'alias', `raw${EVIL}`))
  const key = `MD5E-s3--0${EVIL}`
  await mkdir(dirname(dataset.looseFile(key)), { recursive: true })
  await writeFile(dataset.looseFile(key), 'of another length')
  for (const args of [
    ['archive', dataset.root, ID],
    ['archive', dataset.root, `no${EVIL}`],
    ['alias', 'ls', dataset.root],
    [`no${EVIL}`],
    ['doctor', `${dataset.root}/${EVIL}`],
  ]) {
    const { stdout, stderr } = await riastore(args)
    expect(stdout + stderr, args.join(' ')).not.toMatch(ACTED_ON)
    expect(stdout + stderr, args.join(' ')).toContain('owned')
  }
})

test('questions, remarks and the cells of tables are safe as well', async () => {
  const said: string[] = []
  const add = (text: string) => {
    said.push(text)
  }
  const console = safeTerminal({
    columns: 80,
    isTerminal: true,
    signal: new AbortController().signal,
    print: add,
    write: async () => {},
    fail: add,
    note: add,
    confirm: async (question) => {
      add(question)
      return true
    },
  })
  console.print(plainTable(['name', 'size'], [[`one\ntwo${EVIL}`, '3']]))
  console.note(EVIL)
  console.fail(EVIL)
  await console.confirm(`Pack ${EVIL}?`)
  expect(said).toHaveLength(4)
  expect(said.join('\n')).not.toMatch(ACTED_ON)
  expect(said[0]?.split('\n')).toHaveLength(2)
})
