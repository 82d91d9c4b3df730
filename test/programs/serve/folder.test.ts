import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readFile, readlink, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { keyPaths } from '../../../src/ria/layout/paths.ts'
import type { Store } from '../../../src/store/store.ts'
import { runOk } from '../../support/programs/run.ts'
import { annexLink, commitFiles } from '../../support/repos/memory-repository.ts'
import { type ServedStore, serveStore } from '../../support/servers/served-store.ts'
import { DIRECTORY, ID, memoryStore } from '../../support/stores/memory-dataset.ts'
import { temporaryDirectory, write } from '../../support/stores/stores.ts'

const LARGE = randomBytes(5 * 1024 * 1024)
const SMALL = Buffer.from('small\n')

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let store: Store
let served: ServedStore

const md5 = (content: Buffer) => createHash('md5').update(content).digest('hex')
const large = `MD5E-s${LARGE.length}--${md5(LARGE)}.dat`
/** Of a key without a length nobody knows how long it is. */
const unsized = `MD5--${md5(SMALL)}`
const damaged = `MD5-s6--${md5(Buffer.from('others'))}`

beforeAll(async () => {
  directory = await temporaryDirectory()
  store = await memoryStore()
  await write(store, keyPaths(DIRECTORY, '2', large)[0] ?? '', LARGE)
  await write(store, keyPaths(DIRECTORY, '2', unsized)[0] ?? '', SMALL)
  await write(store, keyPaths(DIRECTORY, '2', damaged)[0] ?? '', SMALL)
  await commitFiles(store, DIRECTORY, {
    'whole/sub/large ü.dat': annexLink(large),
    'whole/README.md': '# A study\n',
    'whole/link.md': { link: 'README.md' },
    'whole/out': { link: '../../../etc/passwd' },
    'unsized/small': annexLink(unsized),
    'lacking/a.dat': annexLink(large),
    'lacking/b.dat': annexLink(large.replace(md5(LARGE), md5(SMALL))),
    'wrong/a.dat': annexLink(large),
    'wrong/b': annexLink(damaged),
  })
  served = await serveStore(store)
})
afterAll(async () => {
  await served?.close()
  await directory?.remove()
})

async function unpacked(folder: string, kind: 'zip' | 'tar'): Promise<string> {
  const { status, headers, bytes, broken } = await served.ask(`/d/${ID}/main/${folder}?archive=${kind}`)
  expect([status, broken]).toEqual([200, false])
  expect(headers['content-disposition']).toMatch(new RegExp(`^attachment; filename\\*=UTF-8''.+\\.${kind}$`))
  const into = join(directory.path, `${kind}-${folder.replaceAll('/', '')}`)
  await mkdir(into)
  await writeFile(`${into}.${kind}`, bytes)
  if (kind === 'zip') await runOk('7z', ['x', `-o${into}`, `${into}.zip`])
  else await runOk('tar', ['-xf', `${into}.tar`, '-C', into])
  return into
}

describe.each(['zip', 'tar'] as const)('a folder as one %s', (kind) => {
  test('has every file, annexed or in git, with links that stay in it', async () => {
    const into = await unpacked('whole/', kind)
    expect((await readFile(join(into, 'sub/large ü.dat'))).equals(LARGE)).toBe(true)
    expect(await readFile(join(into, 'README.md'), 'utf8')).toBe('# A study\n')
    expect(await readlink(join(into, 'link.md'))).toBe('README.md')
    expect((await stat(join(into, 'out'))).isFile()).toBe(true)
    expect(await readFile(join(into, 'out'), 'utf8')).toBe('../../../etc/passwd')
  })

  test.each(['lacking/', 'wrong/'])('is broken off in %s, where not all can be had', async (folder) => {
    const { status, broken } = await served.ask(`/d/${ID}/main/${folder}?archive=${kind}`)
    expect([status, broken]).toEqual([200, true])
  })
})

test('a zip has files of which nobody knows how long they are; a tar cannot', async () => {
  const into = await unpacked('unsized/', 'zip')
  expect(await readFile(join(into, 'small'))).toEqual(SMALL)
  expect((await served.ask(`/d/${ID}/main/unsized/?archive=tar`)).status).toBe(500)
})

test('what is no archive, and what is no folder, is told', async () => {
  expect((await served.ask(`/d/${ID}/main/whole/?archive=rar`)).status).toBe(400)
  expect((await served.ask(`/d/${ID}/main/none/?archive=zip`)).status).toBe(404)
})
