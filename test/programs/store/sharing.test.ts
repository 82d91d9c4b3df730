import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ConfigError } from '../../../src/core/errors.ts'
import { parseGitConfig } from '../../../src/core/git-config.ts'
import { run } from '../../../src/core/process/run.ts'
import { parseSharing, sharedDirectoryMode, sharedFileMode } from '../../../src/store/sharing.ts'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'riastore-sharing-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

/**
 * Modes of what git makes in a bare repository that has the value, or undefined when it refuses.
 */
async function gitModes(value: string, umask: string) {
  const repository = await mkdtemp(join(directory, 'repo-'))
  const script = `umask ${umask}; export GIT_CONFIG_NOSYSTEM=1 HOME=/nowhere
    git init -q --bare "$1/r" || exit; printf '[core]\\n\\tsharedRepository%s\\n' "$2" >>"$1/r/config"
    object=$(echo content | git --git-dir="$1/r" hash-object -w --stdin) || exit
    git --git-dir="$1/r" update-ref refs/x/y $object && echo $object`
  const { code, stdout } = await run('sh', ['-c', script, 'sh', repository, value === '<none>' ? '' : ` = ${value}`])
  if (code !== 0) return undefined
  const object = stdout.toString().trim()
  const mode = async (path: string) => (await stat(join(repository, 'r', path))).mode & 0o7777
  return {
    config: await parseGitConfig(
      Buffer.from(`[core]\n\tsharedRepository${value === '<none>' ? '' : ` = ${value}`}\n`),
      'x',
    ),
    directory: await mode(`objects/${object.slice(0, 2)}`),
    writable: await mode('refs/x/y'),
    readOnly: await mode(`objects/${object.slice(0, 2)}/${object.slice(2)}`),
  }
}

const octal = (mode: number) => mode.toString(8).padStart(4, '0')

describe('core.sharedRepository', () => {
  const values = ['umask', 'false', '0', 'group', 'true', '1', 'all', 'world', 'everybody', '2', 'yes', 'off', '""']
  const modes = ['0600', '0660', '0640', '0644', '0664', '0666', '660', '0777', '00660', '01660']
  const all = [...values, '<none>', ...modes].flatMap((value) => ['027', '002'].map((umask) => [value, umask] as const))

  test.each(all)('of %s with umask %s gives the modes that git gives', async (value, umask) => {
    const git = await gitModes(value, umask)
    if (git === undefined) throw new Error('git refused')
    const sharing = parseSharing(git.config.get('core.sharedrepository'))
    const given = (mode: number) => mode & ~Number.parseInt(umask, 8)
    const ours =
      sharing === undefined
        ? { directory: given(0o777), readOnly: given(0o444) }
        : {
            directory: sharedDirectoryMode(given(0o777), sharing),
            readOnly: sharedFileMode(given(0o444), sharing),
          }
    expect(octal(ours.directory)).toBe(octal(git.directory))
    expect(octal(ours.readOnly)).toBe(octal(git.readOnly))
    if (sharing !== undefined) expect(octal(sharedFileMode(given(0o666), sharing))).toBe(octal(git.writable))
  })

  test.each(['0400', '0060', '0', 'perhaps', '3', '0o660', 'readable'])(
    'of %s is refused when git refuses it',
    async (value) => {
      const git = await gitModes(value, '022')
      if (git === undefined) expect(() => parseSharing(value)).toThrow(ConfigError)
      else expect(parseSharing(value)).toBeUndefined()
    },
  )

  test('that is not set shares nothing', () => {
    expect(parseSharing(undefined)).toBeUndefined()
  })
})
