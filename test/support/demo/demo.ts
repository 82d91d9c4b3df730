// `npm run demo`: the main job on real input, with the real programs. scripts/demo.mjs bundles and
// starts this.
import { hash, randomBytes } from 'node:crypto'
import { createWriteStream, existsSync } from 'node:fs'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { projectDirectory } from '../programs/programs.ts'
import { runOk, start } from '../programs/run.ts'
import { type AnnexRepo, createDataset, dataladClone, datasetId, sha256 } from '../repos/annex-repo.ts'
import { makePng } from '../repos/png.ts'
import { openRiaStore } from '../repos/ria-store.ts'
import { startCephRgw } from '../servers/ceph-rgw.ts'
import { startSshd } from '../servers/sshd.ts'
import { useOwnServices } from '../shared/services.ts'
import { makeSiteScene } from '../worlds/site-scene.ts'
import { makeWorkspace, type Workspace } from '../worlds/workspace.ts'

const MIB = 1024 * 1024
const LARGE_BYTES = Number(process.env.RIASTORE_DEMO_MIB ?? 256) * MIB

let workspace: Workspace | undefined
let ending = false

for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  process.on(signal, () => {
    say(`\n${signal}: cleaning up`)
    void end(status)
  })
}

void main()

async function main(): Promise<void> {
  try {
    workspace = await makeWorkspace()
    await demonstrate(workspace)
    await end(0)
  } catch (error) {
    if (ending) return
    say(`\nThe demo failed: ${error instanceof Error ? error.message : error}`)
    await end(1)
  }
}

/** Removes everything that the demo made, and exits. */
async function end(status: number): Promise<void> {
  if (ending) return
  ending = true
  await workspace?.remove()
  say(status === 0 ? 'Everything is removed again.' : 'What the demo had made is removed.')
  process.exit(status)
}

async function demonstrate(space: Workspace): Promise<void> {
  say('A dataset goes into a RIA store and comes back, by git-annex and DataLad with our git-annex-remote-ora.\n')
  const began = performance.now()
  const repo = await step('make a dataset of real files', async () => {
    const dataset = await createDataset(space, 'dataset')
    await writeFiles(dataset.path)
    await dataset.datalad('save', '-m', 'Add the files')
    return dataset
  })
  const sums = await checksums(repo)
  const bytes = [...sums.values()].reduce((sum, file) => sum + file.size, 0)
  for (const [file, { size }] of sums) say(`     ${size.toLocaleString('en').padStart(11)} bytes  ${file}`)

  const id = await datasetId(repo)
  const sshd = await startSshd(space)
  const disk = { sibling: 'disk', root: space.path('disk-store'), url: `ria+file://${space.path('disk-store')}` }
  const server = {
    sibling: 'server',
    root: space.path('server-store'),
    url: `ria+ssh://${sshd.alias}${space.path('server-store')}`,
  }
  for (const store of [disk, server]) {
    say(`\nPublish to ${store.url}`)
    await step('datalad create-sibling-ria', () =>
      repo.datalad('create-sibling-ria', '-s', store.sibling, '--new-store-ok', '--alias', 'demo', store.url),
    )
    await step('datalad push', () => repo.datalad('push', '--to', store.sibling), bytes)
  }
  say('')
  await step('datalad drop (asks the stores for every key)', () => repo.datalad('drop', '.'))
  await cloneAndCompare(space, disk, id, sums)
  // What comes now can come from the server only.
  await rename(disk.root, `${disk.root}.unplugged`)
  await cloneAndCompare(space, server, id, sums)

  await archiveAndGet(space, server, id, sums)
  if (existsSync('/dev/fuse')) await mountAndRead(space, server, id, sums)
  await lookAtPage(space, server, id, sums)
  await useSite(space)
  if ((await space.starts()) === 0) throw new Error('git-annex never started our program')
  say(`Every file came back with the checksum it had. ${seconds(performance.now() - began)} in all.`)
}

/** Packs the keys of the dataset into an archive, and gets everything from that. */
async function archiveAndGet(
  space: Workspace,
  server: PublishedStore,
  id: string,
  sums: ReadonlyMap<string, FileSum>,
): Promise<void> {
  const dataset = openRiaStore(server.root).dataset(id)
  say(
    `\nThe store on the server holds ${(await dataset.keys()).length} keys as files. riastore archive --yes ${server.url} ${id}`,
  )
  const summary = await step('pack them into an archive', async () => {
    const program = join(projectDirectory, 'dist/riastore.js')
    return (await runOk(process.execPath, [program, 'archive', '--yes', server.url, id], { env: space.env })).stdout
  })
  say(summary.replace(/^/gm, '     ').trimEnd())
  if ((await dataset.keys()).length > 0) throw new Error('not all keys were packed')
  await cloneAndCompare(space, { ...server, sibling: 'archive' }, id, sums)
}

/**
 * What an administrator does once, and then a researcher: a store in S3, and GitLab. Both servers
 * are started here.
 */
async function useSite(space: Workspace): Promise<void> {
  say('\nA site: a store in S3, and a group in GitLab')
  const scene = await step('start both servers', async () => {
    const ceph = await startCephRgw()
    space.onRemove(ceph.stop)
    useOwnServices({ ceph })
    return makeSiteScene(space)
  })
  const store = await step('riastore init', () => scene.makeStore('s3', 'store'))
  await step('riastore site add lab', () => scene.addSite('lab', store))
  const made = await step('datalad create -c lab study', () => scene.datalad('create', '-c', 'lab', 'study'))
  const told = `${made.stdout}${made.stderr}`.split('\n').filter((line) => /^(made|noted|publish with)/.test(line))
  for (const line of told) say(`     ${line.trim()}`)
  const study = scene.repo('study')
  await step('datalad save', async () => {
    const rows = Array.from({ length: 1000 }, (_, i) => `${i},${Math.cos(i).toFixed(6)}\n`)
    await writeFile(join(study.path, 'cosine.csv'), rows.join(''))
    await study.datalad('save', '-m', 'Add a table')
  })
  await step('datalad push --to gitlab', () => study.datalad('push', '--to', 'gitlab'))
  const url = (await study.git('remote', 'get-url', 'gitlab')).stdout.trim()
  say(`\nClone ${url}`)
  await step('datalad clone', () => scene.datalad('clone', url, 'study-of-a-colleague'))
  const clone = scene.repo('study-of-a-colleague')
  await step('datalad get', () => clone.datalad('get', '.'))
  if ((await sha256(join(clone.path, 'cosine.csv'))) !== (await sha256(join(study.path, 'cosine.csv')))) {
    throw new Error('cosine.csv came back with another checksum')
  }
}

interface PublishedStore {
  readonly sibling: string
  readonly root: string
  readonly url: string
}

/** Clones the dataset by its id from a store, gets everything from there, and compares. */
async function cloneAndCompare(
  space: Workspace,
  store: PublishedStore,
  id: string,
  sums: ReadonlyMap<string, FileSum>,
) {
  const url = `${store.url}#${id}`
  say(`\nClone ${url}`)
  const clone = await step('datalad clone', () => dataladClone(space, url, `clone-from-${store.sibling}`))
  const bytes = [...sums.values()].reduce((sum, file) => sum + file.size, 0)
  await step('datalad get', () => clone.datalad('get', '.'), bytes)
  await step('compare the checksums', async () => {
    const got = await checksums(clone)
    for (const [file, { sum }] of sums) {
      if (got.get(file)?.sum !== sum) throw new Error(`${file} came back with another checksum`)
    }
    if (got.size !== sums.size) throw new Error(`${got.size} files came back, there were ${sums.size}`)
  })
}

/** Reads everything in a mounted folder, out of the archive on the server. */
async function mountAndRead(
  space: Workspace,
  server: PublishedStore,
  id: string,
  sums: ReadonlyMap<string, FileSum>,
): Promise<void> {
  const folder = space.path('folder')
  await mkdir(folder)
  say(`\nriastore mount ${server.url} ${id} ${folder}`)
  const program = join(projectDirectory, 'dist/riastore.js')
  const { env } = space
  await step('riastore mount', () =>
    runOk(process.execPath, [program, 'mount', '--daemon', server.url, id, folder], { env }),
  )
  try {
    const bytes = [...sums.values()].reduce((sum, file) => sum + file.size, 0)
    const readAll = async () => {
      for (const [file, { sum }] of sums) {
        if ((await sha256(join(folder, file))) !== sum) throw new Error(`${file} has another checksum in the folder`)
      }
    }
    await step('read every file in the folder', readAll, bytes)
  } finally {
    await runOk('fusermount3', ['-u', '-z', folder])
  }
}

/** Looks at the dataset's page, and reads a file by its path, out of the same archive. */
async function lookAtPage(
  space: Workspace,
  server: PublishedStore,
  id: string,
  sums: ReadonlyMap<string, FileSum>,
): Promise<void> {
  say(`\nriastore serve --listen 127.0.0.1:0 ${server.url}`)
  const program = join(projectDirectory, 'dist/riastore.js')
  const { env } = space
  const serving = start(process.execPath, [program, 'serve', '--listen', '127.0.0.1:0', server.url], { env })
  try {
    await serving.says(/serving .* at http:/)
    const [, url = ''] = /at (http:\/\/[^ \n]+)\n/.exec(serving.stdout()) ?? []
    const [[name, { sum }] = ['', { sum: '' }]] = [...sums].sort(([, a], [, b]) => a.size - b.size)
    const ask = async (path: string) => {
      const answer = await fetch(new URL(path, url))
      if (!answer.ok) throw new Error(`${answer.url} answers ${answer.status}`)
      return Buffer.from(await answer.arrayBuffer())
    }
    const page = await step(`look at the page ${url}d/${id}/`, () => ask(`d/${id}/`))
    if (!page.includes('datalad clone')) throw new Error('the page does not say how the dataset is cloned')
    const content = await step('read a file by its path', () => ask(`d/${id}/HEAD/${name}`))
    if (hash('sha256', content) !== sum) throw new Error(`${name} has another checksum by its path`)
  } finally {
    serving.killGroup('SIGTERM')
    await serving.done
  }
}

interface FileSum {
  readonly size: number
  readonly sum: string
}

async function checksums(repo: AnnexRepo): Promise<Map<string, FileSum>> {
  const files = (await repo.git('ls-files', '-z')).stdout
    .split('\0')
    .filter((file) => file !== '' && !file.startsWith('.'))
  const sums = new Map<string, FileSum>()
  for (const file of files) {
    const path = join(repo.path, file)
    sums.set(file, { size: await repo.size(file), sum: await sha256(path) })
  }
  return sums
}

async function writeFiles(directory: string): Promise<void> {
  const write = async (file: string, content: Readable) => {
    await mkdir(join(directory, file, '..'), { recursive: true })
    await pipeline(content, createWriteStream(join(directory, file)))
  }
  const rows = Array.from({ length: 20_000 }, (_, i) => `${i},${Math.sin(i).toFixed(6)}\n`)
  await write('README.txt', Readable.from(['Files of several kinds, made for the demo of riastore.\n']))
  await write('table.csv', Readable.from(['n,sine\n', ...rows]))
  await write('pictures/waves.png', Readable.from([makePng(640, 480)]))
  await write('empty', Readable.from([]))
  await write('a name with spaces.txt', Readable.from(['spaces\n']))
  await write('Übungen/Gänsefüßchen „例“.txt', Readable.from(['Nicht nur ASCII.\n']))
  await write('recording.bin', Readable.from(randomChunks(LARGE_BYTES)))
}

function* randomChunks(bytes: number): Generator<Buffer> {
  for (let left = bytes; left > 0; left -= 4 * MIB) yield randomBytes(Math.min(left, 4 * MIB))
}

async function step<T>(name: string, work: () => Promise<T>, bytes?: number): Promise<T> {
  const began = performance.now()
  const result = await work()
  const ms = performance.now() - began
  const rate = bytes === undefined ? '' : `  ${megabytes(bytes)}, ${Math.round(bytes / 1000 / ms)} MB/s`
  say(`  ${name.padEnd(48)} ${seconds(ms).padStart(7)}${rate}`)
  return result
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
