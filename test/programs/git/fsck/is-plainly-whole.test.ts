import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bufferSource } from '../../../../src/core/source.ts'
import { isPlainlyWhole } from '../../../../src/git/fsck/is-plainly-whole.ts'
import { StoredDataset } from '../../../../src/ria/layout/stored-dataset.ts'
import { openLocalStore } from '../../../../src/store/local/local.ts'
import { openMemoryStore } from '../../../../src/store/memory.ts'
import { run } from '../../../support/programs/run.ts'
import { type GitCommands, gitCommands } from '../../../support/worlds/git-commands.ts'
import { makeWorkspace, type Workspace } from '../../../support/worlds/workspace.ts'

let workspace: Workspace
let git: GitCommands

/** A bare repository as a push leaves it, and the same after git gc. */
let [loose, packed] = ['', '']

beforeAll(async () => {
  workspace = await makeWorkspace()
  git = gitCommands(workspace, workspace.env)
  const repo = await git.newRepo('repo')
  const lines = Array.from({ length: 60 }, (_, i) => `line ${i}`)
  for (let i = 0; i < 3; i++) {
    lines[i * 10] = `changed ${i}`
    await git.commit(repo, 'text', lines.join('\n')) // the later ones are deltas
  }
  await mkdir(join(repo, '.datalad'))
  await git.commit(repo, '.datalad/config', '[datalad "dataset"]\n\tid = x\n')
  await git.commit(repo, '.gitattributes', '* annex.backend=MD5E\n')
  await git.commit(repo, 'a name of ümlauts', 'x')
  await git.gitOk(repo, 'tag', '-a', '-m', 'a tag', 'one')
  await git.gitOk(repo, 'checkout', '-q', '-b', 'other', 'HEAD~2')
  await git.commit(repo, 'other', 'merged')
  await git.gitOk(repo, 'merge', '-q', '--no-edit', 'main')
  loose = await bare('loose')
  await git.gitOk(repo, 'push', '-q', loose, '--all')
  await git.gitOk(repo, 'push', '-q', loose, '--tags')
  packed = await copyOf(loose, 'packed')
  await git.gitOk(packed, 'gc', '-q')
})
afterAll(() => workspace?.remove())

async function bare(name: string): Promise<string> {
  const directory = workspace.path(name)
  await git.gitOk(workspace.directory, 'init', '-q', '--bare', '--template=', directory)
  return directory
}

let copies = 0

async function copyOf(repo: string, name = `copy-${++copies}`): Promise<string> {
  await cp(repo, workspace.path(name), { recursive: true })
  return workspace.path(name)
}

const isWhole = (repo: string) =>
  isPlainlyWhole(new StoredDataset(openLocalStore({ root: dirname(repo) }), repo.slice(dirname(repo).length + 1)))

/** What git itself ends with. */
async function fsck(repo: string): Promise<number | undefined> {
  return (await git.git(repo, 'fsck', '--full', '--no-dangling', '--no-progress')).status
}

async function filesOf(repo: string): Promise<ReadonlyMap<string, Buffer>> {
  const found = new Map<string, Buffer>()
  for (const entry of await readdir(repo, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isFile()) found.set(path.slice(repo.length + 1), await readFile(path))
  }
  return found
}

describe('git finds nothing in a repository that is told as whole', () => {
  test('as pushes left it, after git gc, and with nothing in it yet', async () => {
    expect((await filesOf(packed)).has('objects/info/commit-graph')).toBe(true)
    const empty = await bare('empty')
    await writeFile(join(empty, 'packed-refs'), '# pack-refs with: peeled fully-peeled sorted \n')
    for (const repo of [loose, packed, empty]) expect([await isWhole(repo), await fsck(repo)]).toEqual([true, 0])
  })

  test('with a reverse index and a bitmap', async () => {
    const repo = await copyOf(packed)
    await git.gitOk(repo, '-c', 'pack.writeReverseIndex=true', 'repack', '-adfq', '--write-bitmap-index')
    const names = (await readdir(join(repo, 'objects/pack'))).map((name) => name.replace(/.*\./, '')).sort()
    expect(names).toEqual(['bitmap', 'idx', 'pack', 'rev'])
    expect([await isWhole(repo), await fsck(repo)]).toEqual([true, 0])
  })

  /** Whichever of the files of a repository is changed so, and whatever git then says. */
  async function expectNoneWorse(repo: string, changed: (file: Buffer) => Iterable<Buffer | undefined>) {
    const files = await filesOf(repo)
    let looked = 0
    const missed: string[] = []
    for (const [name, content] of files) {
      for (const other of changed(content)) {
        looked += 1
        const store = openMemoryStore()
        for (const [path, bytes] of files) {
          const put = path === name ? other : bytes
          if (put !== undefined) await store.put(`a/${path}`, bufferSource(put))
        }
        if (!(await isPlainlyWhole(new StoredDataset(store, 'a')))) continue
        const copy = await copyOf(repo)
        if (other === undefined) await rm(join(copy, name))
        else {
          await rm(join(copy, name)) // git makes its objects read-only
          await writeFile(join(copy, name), other)
        }
        if ((await fsck(copy)) !== 0) missed.push(name)
        await rm(copy, { recursive: true })
      }
    }
    expect(missed).toEqual([])
    return looked
  }

  test.each(['loose', 'packed'])('whichever byte of it is another: %s', async (kind) => {
    const flipped = function* (file: Buffer) {
      for (let at = 0; at < file.length; at += 1 + Math.floor(file.length / 29)) {
        const other = Buffer.from(file)
        other[at] = (other[at] ?? 0) ^ (1 << (at % 8))
        yield other
      }
    }
    expect(await expectNoneWorse(kind === 'loose' ? loose : packed, flipped)).toBeGreaterThan(150)
  })

  test.each(['loose', 'packed'])('whichever of its files is gone, empty, cut or longer: %s', async (kind) => {
    const changes = (file: Buffer) => [
      undefined,
      Buffer.alloc(0),
      file.subarray(0, file.length >> 1),
      file.subarray(0, -1),
      Buffer.concat([file, Buffer.from('x')]),
    ]
    await expectNoneWorse(kind === 'loose' ? loose : packed, changes)
  })
})

describe('git is asked about', () => {
  const id = (n: number) => String(n).repeat(40)
  const person = 'A U Thor <a@example.org> 1700000000 +0000'
  const commit = (tree: string, { author = person, before = '', after = '\nmessage\n' } = {}) =>
    `tree ${tree}\n${before}author ${author}\ncommitter ${person}\n${after}`

  async function write(repo: string, type: string, content: string | Buffer): Promise<string> {
    const args = ['hash-object', '-t', type, '-w', '--literally', '--stdin']
    const { stdout, status } = await run('git', args, { env: workspace.env, cwd: repo, input: content })
    expect(status).toBe(0)
    return stdout.trim()
  }

  const entry = (mode: string, name: string, of: string) =>
    Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(of, 'hex')])

  /** A repository in which an object is written that git fsck does not like. */
  async function withObject(make: (repo: string, blob: string, tree: string) => Promise<unknown>): Promise<string> {
    const repo = await copyOf(loose)
    const blob = await write(repo, 'blob', 'content')
    const tree = await write(repo, 'tree', entry('100644', 'file', blob))
    await write(repo, 'commit', commit(tree))
    expect([await isWhole(repo), await fsck(repo)]).toEqual([true, 0])
    await make(repo, blob, tree)
    return repo
  }

  const trees: Record<string, (blob: string) => Buffer> = {
    'a tree out of order': (blob) => Buffer.concat([entry('100644', 'b', blob), entry('100644', 'a', blob)]),
    'a tree with a name twice': (blob) => Buffer.concat([entry('100644', 'a', blob), entry('100644', 'a', blob)]),
    'a tree of which an object is missing': () => entry('100644', 'a', id(1)),
    'a tree that has a file as a directory': (blob) => entry('40000', 'a', blob),
    'a tree with a link in the place of .gitmodules': (blob) => entry('120000', '.gitmodules', blob),
    'a tree that ends too soon': (blob) => entry('100644', 'a', blob).subarray(0, -3),
  }

  /** What no ref leads to may miss something, for git. */
  const withRef = async (repo: string, name: string, object: string) => {
    await writeFile(join(repo, 'refs', name), `${object}\n`)
    return object
  }

  test.each(Object.entries(trees))('%s', async (_what, make) => {
    const repo = await withObject(async (directory, blob) => {
      const object = await write(directory, 'commit', commit(await write(directory, 'tree', make(blob))))
      await withRef(directory, 'heads/made', object)
    })
    expect(await isWhole(repo)).toBe(false)
    expect(await fsck(repo)).not.toBe(0)
  })

  test.each(['.git', '.GIT', '..', '.', 'a/b', 'git~1', '.g\u200cit', '.gitmodules', '.gitmodules '])(
    'a tree with the name %j',
    async (name) => {
      const repo = await withObject((directory, blob) => write(directory, 'tree', entry('100644', name, blob)))
      expect(await isWhole(repo)).toBe(false)
    },
  )

  const commits: Record<string, (blob: string, tree: string) => string> = {
    'a commit whose tree is missing': () => commit(id(2)),
    'a commit whose tree is a file': (blob) => commit(blob),
    'a commit whose parent is missing': (_, tree) => commit(tree, { before: `parent ${id(3)}\n` }),
    'a commit without a name': (_, tree) => commit(tree, { author: '<a@example.org> 1700000000 +0000' }),
    'a commit without an address': (_, tree) => commit(tree, { author: 'A U Thor 1700000000 +0000' }),
    'a commit of a time with a zero before it': (_, tree) =>
      commit(tree, { author: 'A U Thor <a@example.org> 0170 +0000' }),
    'a commit of no time zone': (_, tree) => commit(tree, { author: 'A U Thor <a@example.org> 1700000000 +00' }),
    'a commit of a time beyond all': (_, tree) =>
      commit(tree, { author: 'A U Thor <a@example.org> 18446744073709551617 +0000' }),
    'a commit of two authors': (_, tree) => commit(tree, { before: `author ${person}\n` }),
    'a commit with a zero byte in its head': (_, tree) => commit(tree, { author: `A\0 ${person}` }),
  }

  test.each(Object.entries(commits))('%s', async (_what, make) => {
    const repo = await withObject(async (directory, blob, tree) => {
      await withRef(directory, 'heads/made', await write(directory, 'commit', make(blob, tree)))
    })
    expect(await isWhole(repo)).toBe(false)
    expect(await fsck(repo)).not.toBe(0)
  })

  const others: Record<string, (repo: string, blob: string, tree: string) => Promise<unknown>> = {
    'a tag of what is missing': async (repo) => {
      const tag = await write(repo, 'tag', `object ${id(4)}\ntype commit\ntag x\ntagger ${person}\n\nx\n`)
      await withRef(repo, 'tags/made', tag)
    },
    'a tag of another kind of object': (repo, blob) =>
      write(repo, 'tag', `object ${blob}\ntype commit\ntag x\ntagger ${person}\n\nx\n`),
    'attributes with a line that git does not read': async (repo) => {
      const attributes = await write(repo, 'blob', `* ${'x'.repeat(3000)}\n`)
      await write(repo, 'tree', entry('100644', '.gitattributes', attributes))
    },
    'a branch that is a file': (repo, blob) => writeFile(join(repo, 'refs/heads/file'), `${blob}\n`),
    'a ref to what is missing': (repo) => writeFile(join(repo, 'refs/heads/none'), `${id(5)}\n`),
    'a ref that is none': (repo) => writeFile(join(repo, 'refs/heads/none'), 'nothing\n'),
    'a reflog to what is missing': async (repo) => {
      await mkdir(join(repo, 'logs/refs/heads'), { recursive: true })
      await writeFile(join(repo, 'logs/refs/heads/main'), `${id(6)} ${id(7)} ${person}\tx\n`)
    },
    'an index of what is missing': async (repo, blob) => {
      await git.gitOk(repo, 'update-index', '--add', '--cacheinfo', `100644,${blob},file`)
      await rm(join(repo, 'objects', blob.slice(0, 2), blob.slice(2)))
    },
    'a configuration that is none': (repo) => writeFile(join(repo, 'config'), '[core\n'),
  }

  test.each(Object.entries(others))('%s', async (_what, make) => {
    const repo = await withObject(make)
    expect(await isWhole(repo)).toBe(false)
    expect(await fsck(repo)).not.toBe(0)
  })

  test.each([
    ['objects/info/alternates', '/elsewhere/objects\n'],
    ['objects/pack/multi-pack-index', 'MIDX'],
    ['objects/info/commit-graphs/commit-graph-chain', ''],
    ['info/grafts', ''],
    ['shallow', ''],
    ['refs/replace/1111111111111111111111111111111111111111', `${id(1)}\n`],
    ['config', '[include]\n\tpath = /elsewhere\n'],
    ['config', '[fsck]\n\tskipList = /elsewhere\n'],
  ])('a repository with %s', async (name, content) => {
    const repo = await copyOf(packed)
    await mkdir(dirname(join(repo, name)), { recursive: true })
    await writeFile(join(repo, name), content)
    expect(await isWhole(repo)).toBe(false)
  })

  test('a commit-graph that says of a commit what it does not say itself', async () => {
    const repo = await copyOf(packed)
    const other = await copyOf(packed)
    const work = workspace.path('more')
    await git.gitOk(workspace.directory, 'clone', '-q', other, work)
    await git.commit(work, 'more', 'more')
    await git.gitOk(work, 'push', '-q')
    await git.gitOk(other, 'gc', '-q')
    await rm(join(repo, 'objects/info/commit-graph'))
    await cp(join(other, 'objects/info/commit-graph'), join(repo, 'objects/info/commit-graph'))
    expect(await isWhole(repo)).toBe(false)
    expect(await fsck(repo)).not.toBe(0)
  })
})
