import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { findMessages, parseMessages, showMessages } from '../../../src/cli/help/messages.ts'
import { riastore } from '../../support/programs/console-double.ts'
import { projectDirectory } from '../../support/programs/programs.ts'

const entries = parseMessages(await readFile(join(projectDirectory, 'docs/troubleshooting.md'), 'utf8'))

describe('the entries of docs/troubleshooting.md', () => {
  test('are found by each of their messages, whatever stands for what is special to a user', () => {
    expect(entries.length).toBeGreaterThan(40)
    const lost = entries.flatMap((entry) =>
      entry.messages
        .filter(
          (message) => !findMessages(entries, `x: ${message.replace(/<[^<>]*>|…/g, 'some thing')}. y`).includes(entry),
        )
        .map((message) => message),
    )
    expect(lost).toEqual([])
  })

  test('have no Markdown when they are shown, and name the pages that they lead to', () => {
    const shown = entries.map((entry) => showMessages([entry], 80)).join('\n')
    expect(shown).not.toMatch(/`|\]\(/)
    expect(shown).toContain('(docs/settings.md)')
    expect(Math.max(...shown.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80)
  })
})

describe('riastore help MESSAGE', () => {
  test.each([
    ["git: 'remote-s3+http' is not a git command. See 'git --help'.", 'The helper of that name'],
    ["git: 'remote-davs' is not a git command. See 'git --help'.", 'The helper of that name'],
    [
      'Cannot run git-annex-remote-ora -- It is not installed in PATH (/usr/local/bin:/usr/bin)',
      'is not on the PATH of git-annex',
    ],
    ['get a.dat (not available)\n  Unable to access these remotes: lab-storage', 'did not give it'],
    ['unable to ACCESS these remotes', 'did not give it'],
    ['stat /mnt/store/ria-layout-version: the RIA store is not there', 'the disk is not mounted'],
    ['no progress for 30 s', 'Nothing moved for the stall timeout'],
    ['remotes that cannot be accessed: unable, access, these remotes', 'did not give it'],
  ])('knows "%s"', async (said, cause) => {
    const { code, stdout, stderr } = await riastore(['help', said])
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout.replace(/\s+/g, ' ')).toContain(cause)
    expect(stdout).toContain('What to do: ')
  })

  test('may be given as several words', async () => {
    expect((await riastore(['help', 'no', 'space', 'left'])).stdout).toContain('The disk or the quota is full')
  })

  test.each(['zzz', 'the quick brown fox', 'key'])('knows nothing of "%s", and says so', async (said) => {
    const { code, stderr } = await riastore(['help', said])
    expect([code, stderr]).toEqual([2, `riastore: there is no help about "${said}": riastore help lists all\n`])
  })

  test('is no help about a command', async () => {
    expect((await riastore(['help', 'archive'])).stdout).toMatch(/^Usage: riastore archive /)
  })
})
