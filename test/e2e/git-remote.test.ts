import { chmod, mkdir, mkdtemp, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { datasetDirectory } from '../../src/ria/layout/paths.ts'
import { pushManyBranches, pushOneBranch } from '../support/kill/push-races.ts'
import { explain, type Result, run, runOk } from '../support/programs/run.ts'
import { isRoot } from '../support/programs/users.ts'
import { dataladClone, makeDataset } from '../support/repos/annex-repo.ts'
import { addDataset, initRemote, makeRiaStore } from '../support/repos/ria-store.ts'
import { startSshd } from '../support/servers/sshd.ts'
import { variants } from '../support/shared/variants.ts'
import { makeS3Scene, type S3Scene } from '../support/worlds/s3-scene.ts'
import { makeWorkspace, removeTree, type Workspace } from '../support/worlds/workspace.ts'

let workspace: Workspace
let scene: S3Scene
let env: NodeJS.ProcessEnv
/** Makes an empty dataset and gives its URL for git, by scheme. */
const datasets: Record<string, (id: string) => Promise<string>> = {}

beforeAll(async () => {
  workspace = await makeWorkspace()
  scene = await makeS3Scene(workspace)
  env = scene.env
  datasets['s3+http'] = async (id) => {
    return `${scene.directUrl.slice('ria+'.length)}/${datasetDirectory(await scene.addDataset(id))}`
  }
  // sshd wants every directory above it to be root's alone, which the usual place for temporary
  // files is not.
  const chroot = await mkdtemp('/run/riastore-')
  workspace.onRemove(() => removeTree(chroot))
  await chmod(chroot, 0o755)
  const sshd = await startSshd(workspace, { user: 'nobody', sftpOnly: { chroot } })
  const store = await makeRiaStore(join(chroot, 'store'))
  sftpRoot = store.root
  datasets.sftp = async (id) => {
    await addDataset(workspace, store, { id })
    await runOk('chown', ['-R', 'nobody', store.root])
    return `sftp://${sshd.alias}/store/${datasetDirectory(id)}`
  }
  datasets.file = async (id) => {
    const path = workspace.path('bare', id)
    await runOk('git', ['init', '-q', '--bare', path], { env })
    return `file://${path}`
  }
})
afterAll(() => workspace?.remove())

const git = (cwd: string, ...args: string[]): Promise<Result> => run('git', args, { env, cwd })
async function gitOk(cwd: string, ...args: string[]): Promise<string> {
  const result = await git(cwd, ...args)
  expect(result.status, explain(result)).toBe(0)
  return result.stdout
}

async function commit(repo: string, name: string, content = name): Promise<void> {
  await writeFile(join(repo, name), content)
  await gitOk(repo, 'add', name)
  await gitOk(repo, 'commit', '-q', '-m', name)
}

async function newRepo(name: string): Promise<string> {
  const repo = workspace.path(name)
  await mkdir(repo)
  await gitOk(repo, 'init', '-q')
  return repo
}

async function cloneOf(url: string, name: string): Promise<string> {
  await gitOk(workspace.directory, 'clone', '-q', url, workspace.path(name))
  return workspace.path(name)
}

/** What git says of each ref: `! [rejected] main -> main (fetch first)`. */
const refLines = (result: Result) =>
  `${result.stdout}\n${result.stderr}`
    .split('\n')
    .filter((line) => /^ [!*+ -] |^[!*+= -]\t/.test(line))
    .map((line) =>
      line
        .replace(/[0-9a-f]{7,40}/g, 'X')
        .replace(/\s+/g, ' ')
        .trim(),
    )

let sftpRoot: string
let count = 0
/** What git itself does and says. */
let expected: Promise<unknown[]> | undefined
/**
 * The same pushes and fetches, whatever git talks to; gives what git said and what is there in the
 * end.
 */
async function scenario(scheme: string): Promise<unknown[]> {
  const url = await datasets[scheme]?.(`${++count}ab-of-the-scenario`)
  if (url === undefined) throw new Error(scheme)
  const said: unknown[] = []
  const one = await newRepo(`${scheme}-one`)
  const note = async (cwd: string, ...args: string[]) => {
    const result = await git(cwd, ...args)
    const words = args.filter((word) => !word.includes('://') && !word.startsWith('/'))
    said.push([words.join(' '), result.status, refLines(result)])
  }
  const refs = async () => {
    const text = await gitOk(one, 'ls-remote', '--symref', url)
    said.push(
      text
        .replaceAll('\t', ' ')
        .split('\n')
        .filter((line) => !line.includes('git-annex')).length,
    )
  }
  await refs()
  await commit(one, 'first')
  await commit(one, 'second')
  await note(one, 'push', '--porcelain', url, 'main')
  await refs()
  await gitOk(one, 'remote', 'add', 'store', url)
  const two = workspace.path(`${scheme}-two`)
  await gitOk(workspace.directory, 'clone', '-q', url, two)
  said.push(await gitOk(two, 'log', '--format=%s', '--all'), await gitOk(two, 'symbolic-ref', 'HEAD'))
  await gitOk(two, 'fsck', '--full', '--strict')
  await commit(two, 'third')
  await gitOk(two, 'tag', '-a', 'v1', '-m', 'a tag')
  await note(two, 'push', '--porcelain', 'origin', 'main', 'v1')
  await commit(one, 'other')
  await note(one, 'push', '--porcelain', 'store', 'main')
  await note(one, 'fetch', 'store')
  await note(one, 'push', '--porcelain', 'store', 'main')
  await gitOk(one, 'pull', '-q', '--rebase', 'store', 'main')
  await note(one, 'push', '--porcelain', 'store', 'main')
  await note(one, 'push', '--porcelain', 'store', 'main')
  await note(one, 'push', '--porcelain', 'store', 'main:refs/heads/side', 'HEAD~1:refs/heads/back')
  await note(one, 'push', '--porcelain', 'store', 'HEAD~2:refs/heads/side')
  await note(one, 'push', '--porcelain', '--force', 'store', 'HEAD~2:refs/heads/side')
  await note(one, 'push', '--porcelain', '--force-with-lease=side:HEAD', 'store', 'HEAD~1:refs/heads/side')
  await note(one, 'push', '--porcelain', '--dry-run', 'store', 'main:refs/heads/dry')
  await note(one, 'push', '--porcelain', '--atomic', 'store', 'HEAD~2:refs/heads/back', 'main:refs/heads/new')
  await note(one, 'push', '--porcelain', 'store', ':refs/heads/back')
  await note(one, 'push', '--porcelain', 'store', ':refs/tags/v1')
  await refs()
  // Renamed: the new name and the end of the old one in one push.
  await note(one, 'push', '--porcelain', '--atomic', 'store', 'HEAD:refs/heads/renamed', ':refs/heads/side')
  await refs()
  await gitOk(one, 'tag', 'light', 'HEAD~1')
  await note(one, 'push', '--porcelain', 'store', 'light')
  await gitOk(one, 'tag', '-f', 'light', 'HEAD')
  await note(one, 'push', '--porcelain', 'store', 'light')
  await note(one, 'push', '--porcelain', '--force', 'store', 'light')
  await gitOk(one, 'tag', '-a', 'followed', '-m', 'a tag that comes along')
  await commit(one, 'with a tag')
  await note(one, 'push', '--porcelain', '--follow-tags', 'store', 'main')
  await note(one, 'push', '--porcelain', 'store', 'nothing-of-this-name')
  await note(one, 'push', '--porcelain', 'store', ':refs/heads/not-there')
  await note(one, 'push', '--porcelain', '--tags', 'store')
  await note(one, 'push', '--porcelain', 'store', 'HEAD^{tree}:refs/tags/of-a-tree')
  await note(one, 'push', '--porcelain', '--force-with-lease', 'store', 'HEAD~1:refs/heads/main')
  await note(two, 'push', '--porcelain', '--force-with-lease', 'origin', 'HEAD:refs/heads/main')
  await note(one, 'push', '--porcelain', 'store', 'main')
  await note(one, 'ls-remote', '--exit-code', 'store', 'refs/heads/no*')
  said.push((await gitOk(one, 'ls-remote', '--symref', 'store', 'HEAD')).split('\n')[0])
  await refs()
  await note(two, 'fetch', '--prune', 'origin')
  await gitOk(two, 'pull', '-q')
  said.push(await gitOk(two, 'log', '--format=%s'))
  const mirror = workspace.path(`${scheme}-mirror`)
  await gitOk(workspace.directory, 'clone', '-q', '--mirror', url, mirror)
  said.push((await gitOk(mirror, 'for-each-ref', '--format=%(refname) %(objecttype)')).trim())
  await gitOk(mirror, 'fsck', '--full', '--strict')
  await gitOk(mirror, 'update-ref', 'refs/notes/commits', 'main')
  await gitOk(mirror, 'update-ref', '-d', 'refs/heads/renamed')
  await note(mirror, 'push', '--porcelain', '--mirror')
  await refs()
  // A tag whose objects are there is fetched along: of a store that is all of them.
  await note(mirror, 'push', '--porcelain', url, ':refs/tags/of-a-tree')
  const single = workspace.path(`${scheme}-single`)
  await gitOk(workspace.directory, 'clone', '-q', '--single-branch', '--branch', 'light', url, single)
  said.push((await gitOk(single, 'for-each-ref', '--format=%(refname)')).trim())
  const none = workspace.path(`${scheme}-none`)
  const empty = (await datasets[scheme]?.(`${++count}gh-of-the-scenario`)) ?? ''
  await note(workspace.directory, 'clone', '-q', empty, none)
  said.push(await gitOk(none, 'symbolic-ref', 'HEAD'))
  return said
}

const SCHEMES = ['s3+http', 'sftp']

describe.skipIf(!isRoot)('git without git on the other side', () => {
  // Over SFTP the same rules speak to another store (test/programs/conformance/sftp.test.ts); what
  // is git's own there comes below.
  test.each(variants(['s3+http'], SCHEMES))('does and says what it does and says over file: %s', async (scheme) => {
    expected ??= scenario('file')
    expect(await scenario(scheme)).toEqual(await expected)
  })

  test.each(variants(['s3+http'], SCHEMES))(
    'of several who push a branch each at once all land: %s',
    async (scheme) => {
      const url = (await datasets[scheme]?.(`${++count}bc-of-the-branches`)) ?? ''
      await pushManyBranches({ git, gitOk, commit, newRepo, clone: cloneOf }, url, `${scheme}-branches`, 3)
    },
  )

  test.each(variants(['sftp'], SCHEMES))(
    'of several who push one branch at once one wins each time, and no commit is lost: %s',
    async (scheme) => {
      const url = (await datasets[scheme]?.(`${++count}cd-of-the-race`)) ?? ''
      await pushOneBranch({ git, gitOk, commit, newRepo, clone: cloneOf }, url, `${scheme}-race`, 3)
    },
  )

  test('a repository that git itself writes to is read, and not written to', async () => {
    const id = `${++count}ef-of-both`
    const url = (await datasets.sftp?.(id)) ?? ''
    const bare = join(sftpRoot, datasetDirectory(id))
    const repo = await newRepo('both')
    await commit(repo, 'by git')
    await gitOk(repo, 'push', '-q', bare, 'main')
    await gitOk(bare, 'repack', '-adq')
    expect(await gitOk(repo, 'ls-remote', url)).toContain('refs/heads/main')
    await gitOk(workspace.directory, 'clone', '-q', url, workspace.path('both-clone'))
    await commit(repo, 'by us')
    const refused = await git(repo, 'push', url, 'main')
    expect(refused.status).not.toBe(0)
    expect(refused.stderr).toContain('git itself wrote to this repository')

    const other = `${++count}ef-of-us-first`
    const mine = (await datasets.sftp?.(other)) ?? ''
    await gitOk(repo, 'push', '-q', mine, 'main')
    await gitOk(repo, 'push', '-q', join(sftpRoot, datasetDirectory(other)), 'main:by-git')
    const later = await git(repo, 'push', mine, 'main:more')
    expect(later.stderr).toContain('git itself wrote to this repository')
  })

  test('an alias that is a symbolic link leads to its dataset, over SFTP too', async () => {
    const id = `${++count}gh-with-a-link`
    const url = (await datasets.sftp?.(id)) ?? ''
    await mkdir(join(sftpRoot, 'alias'), { recursive: true })
    await symlink(`../${datasetDirectory(id)}`, join(sftpRoot, 'alias/linked'))
    const alias = url.replace(datasetDirectory(id), 'alias/linked')
    const repo = await newRepo('linked')
    await commit(repo, 'a file')
    await gitOk(repo, 'push', '-q', alias, 'main')
    expect(await gitOk(repo, 'ls-remote', url)).toBe(await gitOk(repo, 'ls-remote', alias))
    await cloneOf(alias, 'linked-clone')
  })

  test.each(variants(['s3+http'], SCHEMES))(
    'what has SHA-256 objects is told that it does not fit: %s',
    async (scheme) => {
      const url = (await datasets[scheme]?.(`256-of-the-dataset-${scheme.slice(0, 2)}`)) ?? ''
      const one = await newRepo(`${scheme}-sha1`)
      await commit(one, 'file')
      await gitOk(one, 'push', '-q', url, 'main')
      const other = workspace.path(`${scheme}-sha256`)
      await gitOk(workspace.directory, 'init', '-q', '--object-format=sha256', other)
      await commit(other, 'file')
      for (const args of [
        ['fetch', url],
        ['push', url, 'main:other'],
      ]) {
        const result = await git(other, ...args)
        expect(result.status, explain(result)).not.toBe(0)
        expect(result.stderr).toContain('this repository has sha256 objects, the one in the store has sha1')
      }
      expect(await gitOk(one, 'ls-remote', url)).not.toContain('other')
      const options = { env: { ...env, GIT_DEFAULT_HASH: 'sha256' }, cwd: workspace.directory }
      await runOk('git', ['clone', '-q', url, `${scheme}-default`], options)
      expect(await gitOk(workspace.path(`${scheme}-default`), 'log', '--format=%s')).toBe('file\n')
    },
  )

  test('a dataset that is not there is an error, and so is one that cannot be looked at', async () => {
    const url = `${scene.directUrl.slice('ria+'.length)}/abc/nothing`
    const missing = await git(workspace.directory, 'ls-remote', url)
    expect(missing.status).not.toBe(0)
    expect(missing.stderr).toContain('there is no dataset')
    const closed = await git(workspace.directory, 'ls-remote', 's3+http://127.0.0.1:1/bucket/store/abc/nothing')
    expect(closed.status).not.toBe(0)
    expect(closed.stderr).toContain('127.0.0.1:1')
  })

  test('what git itself pushed into a repository is cloned and fetched over SFTP, object by object', async () => {
    const id = 'eab-pushed-by-git'
    const url = await datasets.sftp?.(id)
    const bare = join(sftpRoot, datasetDirectory(id))
    const repo = await newRepo('by-git')
    const pushByGit = async (name: string) => {
      await commit(repo, name)
      await gitOk(repo, 'push', '-q', bare, 'main')
    }
    await pushByGit('first')
    const clone = await cloneOf(url ?? '', 'of-git')
    await pushByGit('second')
    await gitOk(clone, 'pull', '-q')
    expect(await gitOk(clone, 'log', '--format=%s')).toBe('second\nfirst\n')
    await gitOk(clone, 'fsck', '--full', '--strict')
  })

  test('datalad clones a dataset from S3 by its id and gets its content', async () => {
    const repo = (await makeDataset(workspace, 'dataset')).with({ env })
    await repo.add({ 'a file.dat': 'the content of a file' })
    const id = (await repo.git('config', '-f', '.datalad/config', 'datalad.dataset.id')).stdout.trim()
    const url = (await datasets['s3+http']?.(id)) ?? ''
    const store = scene.directUrl
    await initRemote(repo, store, id, { name: 'storage', settings: { autoenable: 'true' } })
    await repo.git('remote', 'add', 'store', url)
    await repo.setConfig('remote.store.annex-ignore', 'true')
    await repo.annex('copy', '--to', 'storage')
    await repo.git('push', '-q', 'store', 'main', 'git-annex')
    const clone = await dataladClone(workspace, `${store}#${id}`, 'clone', { env })
    await clone.datalad('get', 'a file.dat')
    expect((await clone.read('a file.dat')).toString()).toBe('the content of a file')
  })
})
