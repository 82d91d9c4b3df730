import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { describe, expect, test } from 'vitest'
import { camelCase } from '../../src/cli/command.ts'
import { EXIT_CODES } from '../../src/cli/exit-codes.ts'
import { helpText } from '../../src/cli/help/help.ts'
import { MODULES } from '../../src/cli/modules.ts'
import { COMMANDS, GROUPS } from '../../src/cli/table/table.ts'
import { Interrupted } from '../../src/cli/terminal.ts'
import { optionsOf } from '../../src/cli/words/common-options.ts'
import { objectsOf, riastore } from '../support/programs/console-double.ts'
import { jsonSchema } from '../support/programs/json-schema.ts'

const NAMES = COMMANDS.map(({ name }) => name)
const SHOWN = COMMANDS.filter(({ hidden }) => !hidden).map(({ name }) => name)
const wordsOf = (name: string) => name.split(' ')
const widest = (text: string) => Math.max(...text.split('\n').map((line) => line.length))

/** A port at which nobody listens. */
const NOBODY = '127.0.0.1:1'
const ID = '9c82d81d-b96f-4c27-a90b-57172f5fd811'

/** What makes a command ask a store that cannot be reached. */
const ASKING: Readonly<Record<string, readonly string[]>> = {
  init: [`ria+dav://${NOBODY}/store`],
  doctor: [`ria+http://${NOBODY}/store`],
  show: [`ria+http://${NOBODY}/store`, ID],
  ls: [`ria+dav://${NOBODY}/store`],
  cat: [`ria+http://${NOBODY}/store`, ID, 'a file'],
  stat: [`ria+dav://${NOBODY}/store`],
  check: [`ria+dav://${NOBODY}/store`],
  repair: [`ria+dav://${NOBODY}/store`, '--yes'],
  archive: [`ria+dav://${NOBODY}/store`, ID],
  unarchive: [`ria+dav://${NOBODY}/store`, '--all'],
  copy: [`ria+dav://${NOBODY}/store`, `ria+dav://${NOBODY}/other`],
  move: ['--yes', `ria+dav://${NOBODY}/store`, `ria+dav://${NOBODY}/other`],
  unused: [`ria+dav://${NOBODY}/store`, ID],
  rm: [`ria+dav://${NOBODY}/store`, ID, '--yes'],
  restore: [`ria+dav://${NOBODY}/store`, ID],
  gc: [`ria+dav://${NOBODY}/store`, ID],
  thaw: [`ria+dav://${NOBODY}/store`, ID],
  serve: [`ria+dav://${NOBODY}/store`, '--listen', '127.0.0.1:0'],
  catalog: [`ria+dav://${NOBODY}/store`, `ria+dav://${NOBODY}/store`],
  mount: [`ria+dav://${NOBODY}/store`, ID, '/'],
  url: [`ria+s3+http://${NOBODY}/bucket`, ID, 'MD5-s1--0cc175b9c0f1b6a831c399e269772661'],
  'alias ls': [`ria+dav://${NOBODY}/store`],
  'alias set': [`ria+dav://${NOBODY}/store`, ID, 'name'],
  'alias mv': [`ria+dav://${NOBODY}/store`, 'name', 'other'],
  'alias rm': [`ria+dav://${NOBODY}/store`, 'name', '--yes'],
}

/**
 * These need git and a dataset, as in test/programs/cli/unreachable.test.ts, or git-annex, as in
 * test/e2e/bulk-get.test.ts.
 */
const IN_A_DATASET = ['get', 'put', 'commit', 'create-sibling', 'create-sibling-gitlab', 'procedure']

describe.each(NAMES)('riastore %s', (name) => {
  const command = COMMANDS.find((each) => each.name === name) ?? expect.fail()

  test('says what it does, in 80 columns and in 40', async () => {
    for (const words of [
      ['help', ...wordsOf(name)],
      [...wordsOf(name), '--help'],
      ['-h', ...wordsOf(name)],
    ]) {
      const { code, stdout, stderr } = await riastore(words)
      expect([code, stderr]).toEqual([0, ''])
      expect(stdout).toContain(`Usage: riastore ${name} `)
      expect(widest(stdout)).toBeLessThanOrEqual(80)
    }
    const isLong = (line: string) =>
      line.length > 40 && line.trim().includes(' ') && !/^ {2}(riastore|-| {4}-)/.test(line)
    expect(helpText([name], 40).split('\n').filter(isLong)).toEqual([])
  })

  test('ends with 2 where its command line is wrong, and suggests what may have been meant', async () => {
    const { code, stdout, stderr } = await riastore([...wordsOf(name), '--verbsoe'])
    expect([code, stdout, stderr]).toEqual([2, '', 'riastore: there is no option --verbsoe: --verbose?\n'])
  })

  test('has a table that holds together', async () => {
    const { run } = (await MODULES[name]?.()) ?? expect.fail(`${name} is not in modules.ts`)
    expect(run).toBeTypeOf('function')
    for (const type of command.json) expect(Object.keys(jsonSchema.definitions)).toContain(type)
    const table = optionsOf(command)
    const names = [...Object.keys(table), ...command.positionals.map((each) => each.name)].map(camelCase)
    expect(names).toEqual([...new Set(names)])
    const letters = Object.values(table).flatMap(({ short }) => (short === undefined ? [] : [short]))
    expect(letters).toEqual([...new Set(letters)])
    const groups = [...GROUPS, ...COMMANDS].map((each) => each.name)
    if (name.includes(' ')) expect(groups).toContain(wordsOf(name)[0])
    expect(command.examples.every(([line]) => line.startsWith(name))).toBe(true)
  })
})

const WITH_JSON = COMMANDS.filter(({ json }) => json.length > 0).map(({ name }) => name)

test.each(WITH_JSON)('riastore %s --json tells an error as an object, too', async (name) => {
  const ran = await riastore([...wordsOf(name), '--json', '--no-such-option'])
  expect(ran.code).toBe(2)
  expect(objectsOf(ran)).toEqual([
    { schema: 1, type: 'error', kind: 'usage', message: 'there is no option --no-such-option', exitCode: 2 },
  ])
  expect(ran.stderr).toBe('riastore: there is no option --no-such-option\n')
})

test('every command that talks to a store is tried with one that cannot be reached', () => {
  const talking = COMMANDS.filter(({ exits }) => exits?.some((code) => code === 4)).map(({ name }) => name)
  expect([...Object.keys(ASKING), ...IN_A_DATASET].sort()).toEqual(talking.sort())
})

test.concurrent.each(Object.entries(ASKING))(
  'riastore %s ends with 4 where no store can be reached',
  async (name, words) => {
    const hasJson = WITH_JSON.includes(name)
    const ran = await riastore([...wordsOf(name), ...words, ...(hasJson ? ['--json'] : [])])
    expect(ran.code).toBe(4)
    const told = objectsOf(ran)
    if (name === 'doctor') expect(told).toMatchObject([{ type: 'finding', result: 'failed' }, { type: 'summary' }])
    else {
      const error = expect.objectContaining({ type: 'error', kind: 'unreachable', exitCode: 4 })
      expect(told).toEqual(hasJson ? expect.arrayContaining([error]) : [])
      expect(ran.stderr).toMatch(/^riastore: [^\n]*127\.0\.0\.1:1[^\n]*\n$/)
    }
  },
)

test.concurrent.each(Object.entries(ASKING))(
  'riastore %s ends with 130 after Ctrl-C, also while a server says nothing',
  async (name, words) => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const there = words.map((word) => word.replace(NOBODY, `127.0.0.1:${port}`))
    const asked = once(server, 'connection')
    const stop = new AbortController()
    const running = riastore([...wordsOf(name), ...there, '--stall-timeout=600'], { signal: stop.signal })
    const [socket] = await Promise.race([asked, running.then((ran) => expect.fail(JSON.stringify(ran)))])
    stop.abort(new Interrupted('SIGINT'))
    expect((await running).code).toBe(130)
    socket.destroy()
    server.close()
  },
)

describe('riastore', () => {
  test('tells its version and its help, wherever these stand', async () => {
    for (const words of [['--version'], ['-V'], ['archive', '-V'], ['--no-progress', '--version']]) {
      expect(await riastore(words)).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\S+\n$/), stderr: '' })
    }
    for (const words of [['--help'], ['-h'], ['help']]) {
      const { code, stdout } = await riastore(words)
      expect(code).toBe(0)
      for (const name of SHOWN.filter((each) => !each.includes(' ')))
        expect(stdout).toMatch(new RegExp(`^ {2}${name} `, 'm'))
      expect(widest(stdout)).toBeLessThanOrEqual(80)
    }
  })

  test.each(GROUPS.map(({ name }) => name))('lists the commands of the group %s', async (group) => {
    const alone = await riastore([group])
    expect([alone.code, alone.stderr]).toEqual([
      2,
      `riastore: what about the ${group}? riastore ${group} --help lists the commands\n`,
    ])
    const { code, stdout } = await riastore([group, '--help'])
    expect(code).toBe(0)
    for (const name of NAMES.filter((each) => each.startsWith(`${group} `))) expect(stdout).toContain(`  ${name} `)
  })

  test('tells what exit codes mean', async () => {
    const { code, stdout } = await riastore(['help', 'exit-codes'])
    expect(code).toBe(0)
    for (const [number] of EXIT_CODES) expect(stdout).toMatch(new RegExp(`^ {2}${number} `, 'm'))
  })

  test.each([
    [['archvie'], 'there is no command "archvie": riastore archive?'],
    [['alias', 'sett'], 'there is no command "sett": riastore alias set?'],
    [['zzz'], 'there is no command "zzz": riastore --help lists them'],
    [['help', 'zzz'], 'there is no help about "zzz": riastore help lists all'],
    [['archive', '--lsit'], 'there is no option --lsit: --list?'],
    [['archive', '--level'], '--level wants a value: --level LEVEL'],
    [['archive', '--level', '--all'], '--level wants a value: --level LEVEL'],
    [['archive', '--all=yes'], '--all takes no value'],
    [['doctor', '/a', '/b'], '"/b" is too much: riastore help doctor says what it wants'],
  ])('%j is answered with what may have been meant', async (words, said) => {
    expect(await riastore(words)).toMatchObject({ code: 2, stdout: '', stderr: `riastore: ${said}\n` })
  })

  test.each(COMMANDS.flatMap(({ name, formerly = [] }) => formerly.map((old) => [old, name])))(
    '%s is still understood, and says that it is called %s now',
    async (old, name) => {
      const { stderr } = await riastore([...wordsOf(old), '--no-such-option'])
      expect(stderr).toMatch(new RegExp(`^riastore ${old} is now called riastore ${name}\n`))
    },
  )
})
