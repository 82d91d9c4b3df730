import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { run, runOk } from '../../support/programs/run.ts'
import { annexLink, commitFiles } from '../../support/repos/memory-repository.ts'
import { type ServedStore, serveStore } from '../../support/servers/served-store.ts'
import { CONTENT, DIRECTORY, ID, KEY, memoryStore, PLACE } from '../../support/stores/memory-dataset.ts'
import { temporaryDirectory, write } from '../../support/stores/stores.ts'

const FILES = {
  'README.md': '# A study\n',
  'sub-01/scan ü.dat': CONTENT.toString(),
  'sub-01/deep/er/x.txt': 'deep\n',
}

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let served: ServedStore
let mounted: string | undefined

beforeAll(async () => {
  directory = await temporaryDirectory()
  await chmod(directory.path, 0o755) // davfs2 gives up root's rights
  const store = await memoryStore()
  await write(store, PLACE, CONTENT)
  await commitFiles(store, DIRECTORY, { ...FILES, 'sub-01/scan ü.dat': annexLink(KEY) })
  served = await serveStore(store)
})
afterAll(async () => {
  if (mounted !== undefined) await run('umount', ['-l', mounted])
  await served?.close()
  await directory?.remove()
})

test('davfs2 mounts a dataset, lists all that is in it, and reads what it is', async () => {
  const at = join(directory.path, 'mounted')
  const [conf, cache] = [join(directory.path, 'davfs2.conf'), join(directory.path, 'cache')]
  await mkdir(at)
  await mkdir(cache)
  await chmod(cache, 0o777)
  // Linux 6.14 and later ask for more of a directory than davfs2 has room for by default.
  await writeFile(conf, ['ask_auth 0', 'use_locks 0', 'buf_size 2048', `cache_dir ${cache}`, ''].join('\n'))
  const url = `http://127.0.0.1:${served.port}/d/${ID}/main/`
  await runOk('mount', ['-t', 'davfs', '-o', `ro,conf=${conf}`, url, at])
  mounted = at
  // Node's own recursive readdir would keep our server in this process waiting.
  const { stdout } = await runOk('find', [at, '-mindepth', '1', '-printf', '%P\\n'])
  const names = stdout.trim().split('\n')
  const paths = ['README.md', 'sub-01', 'sub-01/deep', 'sub-01/deep/er', 'sub-01/deep/er/x.txt', 'sub-01/scan ü.dat']
  expect(names.filter((name) => name !== 'lost+found').sort()).toEqual(paths)
  for (const [path, content] of Object.entries(FILES)) {
    expect((await stat(join(at, path))).size, path).toBe(Buffer.byteLength(content))
    expect(await readFile(join(at, path), 'utf8'), path).toBe(content)
  }
  await expect(writeFile(join(at, 'new'), 'x')).rejects.toMatchObject({ code: 'EROFS' })
})
