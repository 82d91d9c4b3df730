import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { connectGitLab } from '../../../src/gitlab/connect.ts'
import { type FoundToken, findTokens, type TokenSearch } from '../../../src/gitlab/find-token.ts'
import { failure, useGitLab } from '../../support/gitlab/bench.ts'
import { systemPath } from '../../support/programs/programs.ts'
import { temporaryDirectory } from '../../support/stores/stores.ts'

const bench = useGitLab()

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let env: NodeJS.ProcessEnv
const told: string[] = []
beforeEach(async () => {
  directory = await temporaryDirectory()
  env = { HOME: directory.path, PATH: systemPath, GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: file('gitconfig') }
  await writeFile(file('gitconfig'), '')
  told.length = 0
})
afterEach(() => directory.remove())

const file = (name: string) => join(directory.path, name)

function search(options: Partial<TokenSearch> = {}): TokenSearch {
  const tell = (line: string) => told.push(line)
  return {
    url: 'https://gitlab.example.org',
    env,
    cwd: directory.path,
    systemFile: file('system.cfg'),
    tell,
    ...options,
  }
}

async function all(options: Partial<TokenSearch> = {}): Promise<(Omit<FoundToken, 'token'> & { text: string })[]> {
  const found = []
  for await (const { token, ...rest } of findTokens(search(options))) found.push({ ...rest, text: token.reveal() })
  return found
}

/** A credential helper that notes what it is asked, and answers with these lines. */
async function useHelper(answer: string): Promise<void> {
  const script = `#!/bin/sh\necho "$1" >>${file('asked')}\ncat >>${file('asked')}\nprintf '${answer}'\n`
  await writeFile(file('helper'), script, { mode: 0o755 })
  await writeFile(file('gitconfig'), `[credential]\n\thelper = ${file('helper')}\n`)
}

const USER_FILE = '.python-gitlab.cfg'

describe('GITLAB_TOKEN', () => {
  test('comes first, and nobody else is asked then', async () => {
    await useHelper('username=me\\npassword=glpat-helper\\n')
    env.GITLAB_TOKEN = 'glpat-env'
    expect(await all()).toEqual([{ text: 'glpat-env', source: 'GITLAB_TOKEN', isGuess: false }])
  })

  test('is not sent to a GitLab that only a dataset names, which is told', async () => {
    env.GITLAB_TOKEN = 'glpat-env'
    expect(await all({ isUrlFromDataset: true })).toEqual([])
    expect(told).toEqual([expect.stringMatching(/GITLAB_TOKEN is not sent to gitlab\.example\.org/)])
    await expect(connectGitLab(search({ isUrlFromDataset: true }))).rejects.toThrow(
      /no access token for gitlab\.example\.org/,
    )
  })

  test('that is no token is an error that does not show it', async () => {
    env.GITLAB_TOKEN = 'glpat secret'
    await expect(all()).rejects.toThrow('what GITLAB_TOKEN gives is no access token of GitLab')
  })
})

describe("git's credential helpers", () => {
  test('are asked for the host, and give the password', async () => {
    await useHelper('username=me\\npassword=glpat-helper\\n')
    expect(await all({ url: 'https://gitlab.example.org:8443/below' })).toEqual([
      { text: 'glpat-helper', source: "git's credential helper", isGuess: true },
    ])
    const asked = await import('node:fs/promises').then(({ readFile }) => readFile(file('asked'), 'utf8'))
    expect(asked).toContain('protocol=https\nhost=gitlab.example.org:8443\n')
    expect(asked).not.toMatch(/^(store|erase)$/m)
  })

  test('of the repository count too', async () => {
    await mkdir(file('repo/.git/refs'), { recursive: true })
    await mkdir(file('repo/.git/objects'))
    await writeFile(file('repo/.git/HEAD'), 'ref: refs/heads/main\n')
    await writeFile(file('credentials'), 'https://me:glpat-stored@gitlab.example.org\n')
    await writeFile(file('repo/.git/config'), `[credential]\n\thelper = store --file ${file('credentials')}\n`)
    expect(await all({ cwd: file('repo') })).toMatchObject([{ text: 'glpat-stored' }])
    expect(await all()).toEqual([])
  })

  test.each([
    ['none is set', async () => {}],
    ['they know nothing', () => useHelper('')],
    ['they give what a person chose as password', () => useHelper('username=me\\npassword=my secret phrase\\n')],
    [
      'git would ask a program',
      async () => {
        env.SSH_ASKPASS = file('ask')
        env.GIT_ASKPASS = file('ask')
        env.DISPLAY = ':0'
        await writeFile(file('ask'), `#!/bin/sh\ntouch ${file('was-asked')}\necho glpat-typed\n`, { mode: 0o755 })
      },
    ],
  ])('nobody is asked when %s', async (_when, prepare) => {
    await prepare()
    expect(await all()).toEqual([])
    await expect(import('node:fs/promises').then(({ stat }) => stat(file('was-asked')))).rejects.toThrow('ENOENT')
  })
})

describe("python-gitlab's configuration", () => {
  const found = (text: string, section: string, path = file(USER_FILE)) => [
    { text, source: `section ${section} of ${path}`, isGuess: false },
  ]

  test('gives the token of the section with the address', async () => {
    const text = `[global]
default = other
[other]
url = https://other.example.org
private_token = glpat-other
[my.lab]
# a comment
url: https://GitLab.example.org/
private_token = glpat-#;mine%%
`
    await writeFile(file(USER_FILE), text)
    expect(await all()).toEqual(found('glpat-#;mine%', 'my.lab'))
    expect(await all({ url: 'https://third.example.org' })).toEqual([])
  })

  test('of several sections the default one is used, else the first', async () => {
    const sections = ['a', 'b'].map((name) => `[${name}]\nurl=https://gitlab.example.org\noauth_token=token-${name}\n`)
    await writeFile(file(USER_FILE), sections.join(''))
    expect(await all()).toEqual(found('token-a', 'a'))
    await writeFile(file(USER_FILE), `[global]\ndefault=b\n${sections.join('')}`)
    expect(await all()).toEqual(found('token-b', 'b'))
  })

  test("the user's file counts more than that of the system", async () => {
    await writeFile(file('system.cfg'), '[lab]\nurl=https://gitlab.example.org\nprivate_token=glpat-system\n')
    expect(await all()).toEqual(found('glpat-system', 'lab', file('system.cfg')))
    await writeFile(file(USER_FILE), '[lab]\nprivate_token=glpat-user\n')
    expect(await all()).toEqual(found('glpat-user', 'lab'))
  })

  test('PYTHON_GITLAB_CFG takes the place of both; a file that is not there is an error', async () => {
    await writeFile(file(USER_FILE), '[lab]\nurl=https://gitlab.example.org\nprivate_token=glpat-user\n')
    env.PYTHON_GITLAB_CFG = file('named.cfg')
    await expect(all()).rejects.toThrow(/PYTHON_GITLAB_CFG, .*named\.cfg, cannot be read/)
    await writeFile(file('named.cfg'), '[lab]\nurl=https://gitlab.example.org\nprivate_token=glpat-named\n')
    expect(await all()).toEqual(found('glpat-named', 'lab', file('named.cfg')))
  })

  test('a helper is run without a shell, and its output used', async () => {
    await writeFile(file('my helper'), '#!/bin/sh\nprintf "glpat-%s\\n" "$1"\n', { mode: 0o755 })
    env.WORD = 'helped'
    const line = `private_token = helper: "~/my helper" $WORD '; touch ${file('touched')}'`
    await writeFile(file(USER_FILE), `[lab]\nurl = https://gitlab.example.org\n${line}\n`)
    expect(await all()).toEqual(found('glpat-helped', 'lab'))
  })

  test.each([
    ['fails', 'helper: false', /the helper in section lab of .*, false, ended with exit code 1/],
    ['is not there', 'helper: /nowhere/helper', /cannot be run/],
    ['is not closed', 'helper: "x', /is no command/],
    ['prints nothing', 'helper: true', /is no access token of GitLab/],
  ])('a helper that %s is an error', async (_what, value, reason) => {
    await writeFile(file(USER_FILE), `[lab]\nurl=https://gitlab.example.org\nprivate_token=${value}\n`)
    await expect(all()).rejects.toThrow(reason)
  })

  test('a section without a token is passed over, which is told', async () => {
    await writeFile(file(USER_FILE), '[lab]\nurl=https://gitlab.example.org\njob_token=abc\n')
    expect(await all()).toEqual([])
    expect(told).toEqual([expect.stringMatching(/section lab .*has no private_token/)])
  })
})

describe('connecting', () => {
  const connect = (options: Partial<TokenSearch> = {}) =>
    connectGitLab({ ...search({ url: bench.gitlab.url, ...options }), pauseMs: 1 })

  test('tells who we are and where the token came from', async () => {
    env.GITLAB_TOKEN = bench.gitlab.token
    expect(await connect()).toMatchObject({ user: { username: 'owner' }, source: 'GITLAB_TOKEN' })
  })

  test.each([
    ['password', () => 'chosen', 401],
    ['token for git alone', () => bench.gitlab.addToken({ scopes: ['write_repository'] }), 403],
  ])('a %s that the API refuses is no end: the next source is tried, once each', async (_what, text, status) => {
    await useHelper(`username=me\\npassword=${text()}\\n`)
    await writeFile(file(USER_FILE), `[lab]\nurl=${bench.gitlab.url}\nprivate_token=${bench.gitlab.token}\n`)
    expect((await connect()).source).toMatch(/section lab/)
    expect(bench.gitlab.requests.map(({ status }) => status)).toEqual([status, 200])
  })

  test('a token that is refused is told with where it came from, and without it', async () => {
    await useHelper('username=me\\npassword=glpat-wrong\\n')
    const error = await failure(connect())
    expect(error.message).toMatch(/does not know the token \(401\); it came from git's credential helper/)
    expect(error.message).not.toContain('glpat-wrong')
    env.GITLAB_TOKEN = bench.gitlab.addToken({ expiresAt: '2020-01-01' })
    expect((await failure(connect())).message).toMatch(/has expired \(401\); it came from GITLAB_TOKEN/)
  })

  test('without any token the ways to give one are told', async () => {
    await expect(connect()).rejects.toThrow(/set GITLAB_TOKEN, .*git credential approve.*python-gitlab\.cfg/)
    expect(bench.gitlab.requests).toEqual([])
  })
})
