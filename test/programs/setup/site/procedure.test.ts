import { chmod, mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { GitConfig } from '../../../../src/core/git-config.ts'
import { procedureDirectories } from '../../../../src/setup/site/procedure-directories.ts'
import { findProcedure, installProcedure, removeProcedure } from '../../../../src/setup/site/procedure-install.ts'
import { isOurProcedure, procedureScript } from '../../../../src/setup/site/procedure-script.ts'
import { projectDirectory } from '../../../support/programs/programs.ts'
import { run } from '../../../support/programs/run.ts'
import { temporaryDirectory } from '../../../support/stores/stores.ts'

let temporary: Awaited<ReturnType<typeof temporaryDirectory>>
let directory: string
beforeEach(async () => {
  temporary = await temporaryDirectory()
  directory = temporary.path
})
afterEach(() => temporary.remove())

/** A program that prints its name, its parameters and, for the last word, its PATH. */
async function echo(file: string, name: string): Promise<void> {
  await mkdir(join(file, '..'), { recursive: true })
  await writeFile(file, `#!/bin/sh\nprintf '%s|' ${name} "$@"\nprintf '%s\\n' "$PATH"\n`, { mode: 0o755 })
}

const programs = () => ({
  node: join(directory, 'a node/node'),
  program: join(directory, "it's/riastore.js"),
  directory: join(directory, 'links'),
})

describe('the script of a procedure', () => {
  test('runs the program that installed it, with the site from its own name, where PATH has none of our programs', async () => {
    await echo(programs().node, 'node')
    await echo(programs().program, 'program')
    const { file } = await installProcedure('my-lab_2', join(directory, 'procedures'), programs())
    const env = { PATH: '/usr/bin:/bin' }
    const ran = await run(file, ['/a data set', '--alias', 'x y'], { env })
    const path = `${join(directory, 'links')}:${join(directory, 'a node')}:/usr/bin:/bin`
    expect(ran.stdout).toBe(`node|${programs().program}|procedure|my-lab_2|/a data set|--alias|x y|${path}\n`)
  })

  test('leaves PATH as it is where riastore is on it', async () => {
    await echo(programs().node, 'node')
    await echo(programs().program, 'program')
    await echo(join(directory, 'bin/riastore'), 'riastore')
    const { file } = await installProcedure('lab', directory, programs())
    const env = { PATH: `${directory}/bin:/usr/bin:/bin` }
    const ran = await run(file, ['/ds'], { env })
    expect(ran.stdout).toBe(`node|${programs().program}|procedure|lab|/ds|${env.PATH}\n`)
  })

  test('falls back to the riastore on PATH, and says what to do where there is none', async () => {
    await echo(join(directory, 'bin/riastore'), 'riastore')
    const { file } = await installProcedure('lab', directory, programs())
    const env = { PATH: `${directory}/bin:/usr/bin:/bin` }
    expect((await run(file, ['/ds'], { env })).stdout).toBe(`riastore|procedure|lab|/ds|${env.PATH}\n`)
    const lost = await run(file, ['/ds'], { env: { PATH: '/usr/bin:/bin' } })
    expect(lost.status).toBe(127)
    expect(lost.stderr).toMatch(
      /^cfg_lab: neither .*riastore\.js nor riastore on PATH: .*riastore site add lab again\n$/,
    )
  })

  test('in the package it is the same without a program of its own, and finds the one beside it', async () => {
    const packaged = await readFile(join(projectDirectory, 'procedures/cfg_riastore'), 'utf8')
    expect(packaged).toBe(procedureScript())
    expect((await stat(join(projectDirectory, 'procedures/cfg_riastore'))).mode & 0o111).toBe(0o111)
    await echo(join(directory, 'bin/node'), 'node')
    await mkdir(join(directory, 'package/procedures'), { recursive: true })
    await mkdir(join(directory, 'package/dist'))
    await writeFile(join(directory, 'package/dist/riastore.js'), '')
    await writeFile(join(directory, 'package/procedures/cfg_riastore'), packaged, { mode: 0o755 })
    await symlink(join(directory, 'bin'), join(directory, 'links'))
    const ran = await run(join(directory, 'package/procedures/cfg_riastore'), ['/ds'], {
      env: { PATH: `${directory}/bin:/usr/bin:/bin` },
    })
    expect(ran.stdout).toContain('package/procedures/../dist/riastore.js|procedure|riastore|/ds|')
  })
})

describe('installing a procedure', () => {
  test('makes it once, mends its mode and its text, and leaves nothing else', async () => {
    const place = join(directory, 'deep/procedures')
    const { file, changed } = await installProcedure('lab', place, programs())
    expect([file, changed]).toEqual([join(place, 'cfg_lab'), true])
    expect((await stat(file)).mode & 0o777).toBe(0o755)
    expect(await installProcedure('lab', place, programs())).toEqual({ file, changed: false })
    await chmod(file, 0o644)
    expect((await installProcedure('lab', place, programs())).changed).toBe(true)
    expect((await installProcedure('lab', place, { ...programs(), node: '/other' })).changed).toBe(true)
    expect(isOurProcedure(await readFile(file, 'utf8'))).toBe(true)
    expect((await run('ls', ['-A', place])).stdout).toBe('cfg_lab\n')
  })

  test('takes no place of a procedure of somebody else, or of DataLad', async () => {
    await writeFile(join(directory, 'cfg_lab'), '#!/bin/sh\necho mine\n')
    await expect(installProcedure('lab', directory, programs())).rejects.toThrow(
      /cfg_lab is there, and not from riastore/,
    )
    expect(await removeProcedure('lab', directory)).toBeUndefined()
    expect(await readFile(join(directory, 'cfg_lab'), 'utf8')).toContain('mine')
    await expect(installProcedure('yoda', directory, programs())).rejects.toThrow(
      /DataLad itself has a procedure cfg_yoda/,
    )
  })

  test('it is found in the first directory that has it', async () => {
    const [one, two] = [join(directory, 'one'), join(directory, 'two')]
    await installProcedure('lab', two, programs())
    const places = [
      { kind: 'user', path: one },
      { kind: 'system', path: two },
    ] as const
    expect(await findProcedure('lab', places)).toMatchObject({ file: join(two, 'cfg_lab'), isOurs: true })
    await mkdir(one)
    await writeFile(join(one, 'cfg_lab'), '')
    expect(await findProcedure('lab', places)).toMatchObject({ file: join(one, 'cfg_lab'), isOurs: false })
    expect(await findProcedure('other', places)).toBeUndefined()
  })
})

describe('where DataLad looks for procedures', () => {
  test('is in its usual places, by XDG', () => {
    const usual = procedureDirectories(new GitConfig([]), { HOME: '/home/me' })
    expect(usual).toEqual([
      { kind: 'user', path: '/home/me/.config/datalad/procedures' },
      { kind: 'system', path: '/etc/xdg/datalad/procedures' },
    ])
    const env = { HOME: '/home/me', XDG_CONFIG_HOME: '/c', XDG_CONFIG_DIRS: '/s:/t' }
    expect(procedureDirectories(new GitConfig([]), env).map(({ path }) => path)).toEqual([
      '/c/datalad/procedures',
      '/s/datalad/procedures',
    ])
  })

  test('is where the configuration says, and the environment before it', () => {
    const config = new GitConfig([
      ['datalad.locations.user-procedures', '/u'],
      ['datalad.locations.extra-procedures', '/e1'],
      ['datalad.locations.extra-procedures', '/e2'],
    ])
    const env = { HOME: '/home/me', DATALAD_LOCATIONS_SYSTEM__PROCEDURES: '/s' }
    expect(procedureDirectories(config, env).map(({ kind, path }) => `${kind} ${path}`)).toEqual([
      'user /u',
      'system /s',
      'extra /e1',
      'extra /e2',
    ])
  })
})
