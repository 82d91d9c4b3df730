import { chmod, mkdir, readdir, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { installedPrograms } from '../../../../../src/cli/commands/site/installed-programs.ts'
import { type GitLabServer, startGitLab } from '../../../../support/gitlab/server.ts'
import { objectsOf, riastore } from '../../../../support/programs/console-double.ts'
import { temporaryDirectory } from '../../../../support/stores/stores.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
const path = (...parts: string[]) => join(directory.path, ...parts)
const STORE = 'ria+ssh://host/data/store'

beforeEach(async () => {
  directory = await temporaryDirectory()
  vi.stubEnv('HOME', path('home'))
  vi.stubEnv('GIT_CONFIG_GLOBAL', path('home/.gitconfig'))
  vi.stubEnv('GIT_CONFIG_SYSTEM', path('etc/gitconfig'))
  vi.stubEnv('GIT_CONFIG_NOSYSTEM', undefined)
  vi.stubEnv('XDG_CONFIG_HOME', undefined)
  vi.stubEnv('XDG_CONFIG_DIRS', path('etc/xdg'))
  vi.stubEnv('GITLAB_TOKEN', undefined)
  await mkdir(path('home'))
  await mkdir(path('etc'))
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await directory.remove()
})

async function ok(...args: string[]): Promise<string> {
  const ran = await riastore(args)
  expect(ran).toMatchObject({ code: 0, stderr: '' })
  return ran.stdout
}

async function fails(message: RegExp, ...args: string[]): Promise<void> {
  const ran = await riastore(args)
  expect(ran.code, ran.stdout).toBe(2)
  expect(ran.stderr).toMatch(message)
  expect(ran.stderr.trim().split('\n')).toHaveLength(1)
}

describe('riastore site add', () => {
  test('writes the site and its procedure for the user, and nothing the second time', async () => {
    const gitlab = ['--gitlab', 'https://gitlab.example.org', '--gitlab-group', 'lab/data']
    const first = await ok('site', 'add', 'lab', '--store', STORE, ...gitlab)
    expect(first).toContain(`store: ${STORE}\n`)
    expect(first).toContain(`wrote: ${path('home/.config/datalad/procedures/cfg_lab')}\n`)
    const config = await readFile(path('home/.gitconfig'), 'utf8')
    expect(config).toBe(
      `[riastore "lab"]\n\tstore = ${STORE}\n\tgitlab = https://gitlab.example.org\n\tgitlabGroup = lab/data\n`,
    )
    const { mode } = await stat(path('home/.config/datalad/procedures/cfg_lab'))
    expect(mode & 0o777).toBe(0o755)
    const again = JSON.parse(await ok('site', 'add', 'lab', '--store', STORE, ...gitlab, '--json'))
    expect(again).toMatchObject({ site: 'lab', scope: 'global', changes: [], procedureChanged: false })
    expect(await readFile(path('home/.gitconfig'), 'utf8')).toBe(config)
    expect(await readdir(path('etc'))).toEqual([])
  })

  test('writes it for everybody with --system', async () => {
    await ok('site', 'add', 'lab', '--system', '--store', STORE, '--shared', 'group')
    expect(await readFile(path('etc/gitconfig'), 'utf8')).toContain('shared = group')
    expect(await readdir(path('etc/xdg/datalad/procedures'))).toEqual(['cfg_lab'])
    expect(await readdir(path('home'))).toEqual([])
  })

  test('puts the procedure where datalad.locations says', async () => {
    await writeFile(path('home/.gitconfig'), `[datalad "locations"]\n\tuser-procedures = ${path('mine')}\n`)
    await ok('site', 'add', 'lab', '--store', STORE)
    expect(await readdir(path('mine'))).toEqual(['cfg_lab'])
  })

  test('writes, for the name of a store, what it stands for', async () => {
    await ok('store', 'add', 'named', STORE)
    const added = JSON.parse(await ok('site', 'add', 'lab', '--store', 'named', '--json'))
    expect(added.changes).toEqual([{ option: 'store', after: STORE }])
  })

  test('changes what is given, removes what is given as empty, and leaves the rest', async () => {
    await ok('site', 'add', 'lab', '--store', STORE, '--alias', '{name}', '--trust', 'untrust')
    const changed = JSON.parse(await ok('site', 'add', 'lab', '--store', 'ria+file:///x', '--alias', '', '--json'))
    expect(changed.changes).toEqual([
      { option: 'store', before: STORE, after: 'ria+file:///x' },
      { option: 'alias', before: '{name}' },
    ])
    expect(await readFile(path('home/.gitconfig'), 'utf8')).toContain('trust = untrust')
  })

  test('a user adds to what the system has', async () => {
    await ok('site', 'add', 'lab', '--system', '--store', STORE)
    await ok('site', 'add', 'lab', '--alias', '{name}')
    expect(JSON.parse(await ok('site', 'show', 'lab', '--json'))).toMatchObject({
      values: { store: STORE, alias: '{name}' },
      scopes: { store: 'system', alias: 'global' },
      procedure: path('home/.config/datalad/procedures/cfg_lab'),
    })
  })

  test('-n says what would be written, or removed, and changes nothing', async () => {
    const options = ['--store', STORE, '--alias', '{name}']
    expect(await ok('site', 'add', '-n', 'lab', ...options)).toMatch(
      /store: ria.*\nwould write: .*cfg_lab\nnothing was/s,
    )
    expect(await readdir(path('home'))).toEqual([])
    await ok('site', 'add', 'lab', ...options)
    const before = await readdir(path('home'), { recursive: true })
    const config = await readFile(path('home/.gitconfig'), 'utf8')
    expect(await ok('site', 'add', '-n', 'lab', '--alias', '')).toContain('alias: removed')
    expect(await ok('site', 'rm', '-n', 'lab')).toMatch(/^would remove the site lab, for you, and .*cfg_lab\n$/)
    expect(await readFile(path('home/.gitconfig'), 'utf8')).toBe(config)
    expect(await readdir(path('home'), { recursive: true })).toEqual(before)
  })

  test.each([
    [[], /which site\? Give its name/],
    [['lab'], /the site lab has no store/],
    [['a.b', '--store', STORE], /"a\.b" is no name for a site/],
    [['yoda', '--store', STORE], /DataLad itself has a procedure cfg_yoda/],
    [['lab', '--store', 'https://host/store'], /--store the store URL .* does not start with ria\+/],
    [['lab', '--store', STORE, '--gitlab', 'https://g.example.org'], /no gitlabGroup/],
    [['lab', '--store', STORE, '--gitlab', 'https://x:glpat-1@g.example.org'], /user or a password in it/],
    [['lab', '--store', STORE, '--system', '--global'], /do not go together/],
    [['lab', '--store', STORE, '--sibling', 'x'], /there is no option --sibling: --sibling-name\?/],
  ])('refuses %j, and writes nothing', async (args: string[], message) => {
    await fails(message, 'site', 'add', ...args)
    expect((await riastore(['site', 'add', ...args])).stderr).not.toContain('glpat')
    expect([await readdir(path('home')), await readdir(path('etc'))]).toEqual([[], []])
  })
})

describe('riastore site ls, show and rm', () => {
  test('ls tells of none, of all, and of what is wrong with one', async () => {
    expect(await ok('site', 'ls')).toMatch(/^no site is configured/)
    await ok('site', 'add', 'one', '--store', STORE)
    await writeFile(path('etc/gitconfig'), '[riastore "two"]\n\tstores = x\n')
    const ran = await riastore(['site', 'ls'])
    expect(ran.code).toBe(0)
    expect(ran.stdout).toMatch(/^site +store +GitLab +procedure\none +ria\+ssh:\S+ +\S+cfg_one\ntwo +none\n$/)
    expect(ran.stderr).toMatch(
      /^riastore: two: riastore\.two\.stores in git's system configuration is no setting.*known are store/,
    )
    const lines = (await ok('site', 'ls', '--json')).trim().split('\n')
    expect(lines.map((line) => JSON.parse(line).site)).toEqual(['one', 'two'])
  })

  test('show gives each setting with where it comes from', async () => {
    await ok('site', 'add', 'lab', '--store', STORE)
    const shown = await ok('site', 'show', 'lab')
    expect(shown).toMatch(/^lab +value +from\nstore +ria\+ssh:\S+ +global\n/)
    expect(shown).toMatch(/^storageName +\(the siblingName with -storage\) +default$/m)
    await fails(/no site other is configured, known are lab: riastore site add other/, 'site', 'show', 'other')
  })

  test('rm takes away the section and the procedure, once, and what is not ours not at all', async () => {
    await ok('site', 'add', 'lab', '--store', STORE)
    await ok('site', 'add', 'other', '--store', STORE)
    expect(await ok('site', 'rm', '--yes', 'lab')).toMatch(/^removed the site lab, for you, and .*cfg_lab\n$/)
    expect(await readFile(path('home/.gitconfig'), 'utf8')).toBe(`[riastore "other"]\n\tstore = ${STORE}\n`)
    expect(await readdir(path('home/.config/datalad/procedures'))).toEqual(['cfg_other'])
    await fails(/there is no site lab for you/, 'site', 'rm', '--yes', 'lab')
    await fails(/there is no site other for everybody on this machine/, 'site', 'rm', '--yes', 'other', '--system')
  })
})

describe('riastore site check', () => {
  let gitlab: GitLabServer
  beforeEach(async () => {
    gitlab = await startGitLab({ directory: path('gitlab') })
    gitlab.addGroup('lab/data')
    vi.stubEnv('GITLAB_TOKEN', gitlab.token)
    for (const name of ['git-annex-remote-ora', 'git-annex', 'datalad']) {
      await mkdir(path('bin'), { recursive: true })
      await writeFile(path('bin', name), `#!/bin/sh\necho 10.20230126\n`, { mode: 0o755 })
    }
    vi.stubEnv('PATH', `${path('bin')}:${process.env.PATH}`)
    await ok('init', path('store'))
    await ok(
      'site',
      'add',
      'lab',
      '--store',
      `ria+file://${path('store')}`,
      '--gitlab',
      gitlab.url,
      '--gitlab-group',
      'lab/data',
    )
  })
  afterEach(() => gitlab.close())

  /** The code and the findings. */
  async function check() {
    const ran = await riastore(['site', 'check', 'lab', '--json'])
    expect(ran.stdout + ran.stderr).not.toContain(gitlab.token)
    const findings = objectsOf(ran, 'finding') as { check: string; result: string; why: string }[]
    const bad = findings.filter(({ result }) => result === 'failed').map(({ check, why }) => `${check}: ${why}`)
    return { code: ran.code, findings, bad }
  }

  test('finds everything in order, changes nothing in the store or in GitLab, and has a table for people', async () => {
    const before = await readdir(path('store'), { recursive: true })
    const { code, findings, bad } = await check()
    expect(bad).toEqual([])
    expect(code).toBe(0)
    const names = findings.map(({ check }) => check)
    for (const name of ['procedure', 'git', 'git-annex', 'datalad', 'git-annex-remote-ora'])
      expect(names).toContain(name)
    for (const name of ['store: reachable', 'store: writable', 'gitlab: token', 'gitlab: group'])
      expect(names).toContain(name)
    expect(await readdir(path('store'), { recursive: true })).toEqual(before)
    expect(gitlab.requests.every(({ method }) => method === 'GET')).toBe(true)
    expect((await riastore(['site', 'check', 'lab'])).stdout).toMatch(
      /^check +result +why\nriastore +ok .*\nprocedure +ok/,
    )
  })

  test('looks at the store and at the one to write to, finds what is away, and goes on', async () => {
    await ok('site', 'add', 'lab', '--push-url', `ria+file://${path('nowhere')}`)
    const { code, findings, bad } = await check()
    expect([code, bad]).toEqual([
      3,
      [expect.stringMatching(/^push-url: reachable: there is nothing at .*: no RIA store/)],
    ])
    expect(findings.find(({ check }) => check === 'store: layout')).toMatchObject({ result: 'ok' })
    expect(findings.at(-1)).toMatchObject({ check: 'gitlab: group', result: 'ok' })
  })

  test('finds no token, one that has expired or may too little, and one that ends soon', async () => {
    vi.stubEnv('GITLAB_TOKEN', gitlab.addToken({ expiresAt: '2020-01-01' }))
    expect((await check()).bad).toEqual([expect.stringMatching(/^gitlab: token: .*expired.*GITLAB_TOKEN/)])
    vi.stubEnv('GITLAB_TOKEN', gitlab.addToken({ scopes: ['read_api'] }))
    expect((await check()).bad).toEqual([expect.stringMatching(/^gitlab: token: .*scopes read_api/)])
    const soon = new Date(Date.now() + 3 * 24 * 3_600_000).toISOString().slice(0, 10)
    vi.stubEnv('GITLAB_TOKEN', gitlab.addToken({ expiresAt: soon }))
    const { code, findings } = await check()
    expect([code, findings.find(({ check }) => check === 'gitlab: token')]).toMatchObject([0, { result: 'warning' }])
    vi.stubEnv('GITLAB_TOKEN', undefined)
    expect((await check()).bad).toEqual([expect.stringMatching(/^gitlab: token: there is no access token/)])
  })

  test('finds a group in which no projects can be made', async () => {
    gitlab.addUser('reporter')
    gitlab.addGroup('open/data', { visibility: 'public', members: { reporter: 'reporter' } })
    await ok('site', 'add', 'lab', '--gitlab-group', 'open/data')
    vi.stubEnv('GITLAB_TOKEN', gitlab.addToken({ user: 'reporter' }))
    expect((await check()).bad).toEqual([expect.stringMatching(/^gitlab: group: .*no Developer of it/)])
    await ok('site', 'add', 'lab', '--gitlab-group', 'not/there')
    expect((await check()).bad).toEqual([expect.stringMatching(/^gitlab: group: .*no group not/)])
  })

  test('finds programs and a procedure that are missing', async () => {
    await mkdir(path('few'))
    await symlink('/usr/bin/git', path('few/git'))
    vi.stubEnv('PATH', path('few'))
    await chmod(path('home/.config/datalad/procedures/cfg_lab'), 0o644)
    const { code, bad } = await check()
    expect(code).toBe(3)
    expect(bad.join('\n')).toMatch(/^procedure: .*cfg_lab is not executable: riastore site add lab/)
    expect(bad.join('\n')).toMatch(/^git-annex-remote-ora: .*is not on PATH/m)
    await ok('site', 'add', 'lab', '--store', 'ria+s3+http://127.0.0.1:1/bucket/x')
    vi.stubEnv('PATH', `${path('bin')}:/usr/bin:/bin`)
    const helper = (await check()).bad.join('\n')
    expect(helper).toMatch(/^git-annex-remote-ora: .* is not riastore's, which this store needs/m)
    expect(helper).toMatch(/^git-remote-s3\+http: .*is not on PATH/m)
    expect(helper).toMatch(/^store: reachable: .*127\.0\.0\.1:1/m)
  })

  test('says of a git-annex with verifyremote what clones have to do', async () => {
    await writeFile(path('bin/git-annex'), '#!/bin/sh\necho 10.20261026\n', { mode: 0o755 })
    const { findings } = await check()
    expect(findings.find(({ check }) => check === 'git-annex')?.why).toMatch(/git annex verifyremote/)
  })
})

describe('riastore procedure', () => {
  test('takes the only site for cfg_riastore of the package, and says what to do where there are none or several', async () => {
    await mkdir(path('dataset'))
    await fails(/which dataset\?/, 'procedure', 'lab')
    await fails(/no git repository/, 'procedure', 'riastore', path('dataset'))
    vi.stubEnv('GIT_AUTHOR_NAME', 'A')
    await riastore(['init', path('store')])
    const { execFileSync } = await import('node:child_process')
    execFileSync('git', ['init', '-q', path('dataset')])
    await fails(/no site riastore is configured, none is: riastore site add/, 'procedure', 'riastore', path('dataset'))
    await ok('site', 'add', 'one', '--store', STORE)
    await fails(/is no dataset of DataLad/, 'procedure', 'riastore', path('dataset'))
    await ok('site', 'add', 'two', '--store', STORE)
    await fails(/there are several: run one of cfg_one, cfg_two/, 'procedure', 'riastore', path('dataset'))
  })
})

test('the programs are looked for beside the one that was called, in the bin of its package, else where riastore is on PATH', async () => {
  for (const directory of ['links', 'bin']) {
    await mkdir(path(directory))
    for (const name of ['riastore', 'git-annex-remote-ora']) await writeFile(path(directory, name), '')
  }
  const env = { PATH: `/usr/bin:${path('bin')}` }
  const node = process.execPath
  expect(installedPrograms(path('links/riastore'), env)).toEqual({
    node,
    program: path('links/riastore'),
    directory: path('links'),
  })
  const program = path('dist/riastore.js')
  expect(installedPrograms(program, env)).toEqual({ node, program, directory: path('bin') })
  expect(installedPrograms(program, { PATH: '/usr/bin' })).toEqual({ node, program, directory: '' })
  const packed = path('package/lib/riastore/dist/riastore.js')
  await mkdir(path('package'))
  await rename(path('links'), path('package/bin'))
  expect(installedPrograms(packed, env)).toEqual({ node, program: packed, directory: path('package/bin') })
})

test('riastore site alone asks for a command, and an unknown one is refused', async () => {
  await fails(/what about the site\? riastore site --help lists the commands/, 'site')
  await fails(/there is no command "ad": riastore site add\?/, 'site', 'ad')
})
