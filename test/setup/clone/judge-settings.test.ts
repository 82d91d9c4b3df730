import { describe, expect, test } from 'vitest'
import { GitConfig } from '../../../src/core/git-config.ts'
import { gitRemotesOf } from '../../../src/setup/clone/git-remotes.ts'
import {
  judgeDependencies,
  judgeEnabled,
  judgeIgnored,
  judgePublication,
  judgeVerified,
} from '../../../src/setup/clone/judge-settings.ts'

const config = (values: Readonly<Record<string, string>>) => new GitConfig(Object.entries(values))

describe('a storage sibling', () => {
  test.each([
    [['s'], [], 'ok', undefined],
    [['s'], ['t'], 'warning', 'git annex enableremote t'],
    [[], ["my store's", 't'], 'failed', "git annex enableremote 'my store'\\''s'"],
    [[], [], 'failed', expect.stringContaining('riastore create-sibling')],
  ])('enabled: %j, not enabled: %j is %s', (enabled, notEnabled, result, mend) => {
    const [found, , command] = judgeEnabled(enabled, notEnabled)
    expect([found, command]).toEqual([result, mend])
  })

  test('that git-annex is told to ignore does not work, until it is told to use it', () => {
    const judged = judgeIgnored(config({ 'remote.s.annex-ignore': 'true' }), 's')
    expect(judged).toEqual(['failed', expect.any(String), 'git config remote.s.annex-ignore false'])
    expect(judgeIgnored(config({ 'remote.s.annex-ignore': 'false' }), 's')[0]).toBe('ok')
    expect(judgeIgnored(config({ 'remote.other.annex-ignore': 'true' }), 's')[0]).toBe('ok')
  })

  test.each([
    ['not used', 'failed', 'git annex verifyremote s'],
    ['only got from', 'warning', 'git annex verifyremote s'],
    ['agreed', 'ok', undefined],
  ] as const)('that is %s until it is confirmed is %s', (agreement, result, mend) => {
    const [found, , command] = judgeVerified(config({}), { name: 's', agreement }, false)
    expect([found, command]).toEqual([result, mend])
  })

  test('that was confirmed, and has newer settings since, is one to be looked at', () => {
    const [found, why, mend] = judgeVerified(config({}), { name: 's', agreement: 'agreed' }, true)
    expect([found, mend]).toEqual(['warning', 'git annex verifyremote s'])
    expect(why).toContain('newer settings')
  })
})

describe('publication dependencies', () => {
  const ID = '0a1b2c3d-0000-4000-8000-000000000000'
  const sibling = { name: 'lab-storage', committed: { 'archive-id': ID } }

  test('are looked for at the git remotes that lead to the same dataset, by URL or by name', () => {
    const git = config({
      'remote.origin.url': `ssh://host/store/0a1/${ID.slice(3)}`,
      'remote.lab.url': 'ssh://host/store/alias/x',
      'remote.github.url': 'https://example.com/x.git',
      'remote.lab-storage.annex-externaltype': 'ora',
      'remote.lab-storage.annex-uuid': 'u',
    })
    expect(gitRemotesOf(git, sibling)).toEqual(['origin', 'lab'])
    expect(gitRemotesOf(config({}), sibling)).toEqual([])
  })

  test('that do not name the sibling let datalad push leave content behind', () => {
    const git = config({ 'remote.origin.datalad-publish-depends': 'other' })
    expect(judgePublication(git, 'lab-storage', ['origin'])).toEqual([
      'warning',
      expect.stringContaining('datalad push --to origin brings no content along'),
      'git config --add remote.origin.datalad-publish-depends lab-storage',
    ])
    const well = config({ 'remote.origin.datalad-publish-depends': 'lab-storage' })
    expect(judgePublication(well, 'lab-storage', ['origin'])[0]).toBe('ok')
    expect(judgePublication(well, 'lab-storage', ['origin', 'second'])[0]).toBe('warning')
    expect(judgePublication(well, 'lab-storage', [])[0]).toBe('skipped')
  })

  test('on what is no remote make datalad push fail', () => {
    const git = config({
      'remote.origin.url': 'x',
      'remote.origin.datalad-publish-depends': 'gone',
      'remote.second.url': 'y',
      'remote.second.datalad-publish-depends': 'origin',
    })
    expect(judgeDependencies(git, ['gone'])).toEqual([])
    expect(judgeDependencies(git, [])).toEqual([
      {
        remote: 'origin',
        outcome: [
          'failed',
          expect.stringContaining('gone'),
          'git config --fixed-value --unset remote.origin.datalad-publish-depends gone',
        ],
      },
    ])
  })
})
