import { chmod, mkdir, mkdtemp, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openLocalStore } from '../../../../src/store/local/local.ts'
import type { Store } from '../../../../src/store/store.ts'
import { objectsOf, riastore } from '../../../support/programs/console-double.ts'
import { runOk } from '../../../support/programs/run.ts'
import { CONTENT, DIRECTORY, ID, KEY, PLACE } from '../../../support/stores/memory-dataset.ts'
import { write } from '../../../support/stores/stores.ts'

let root: string
let store: Store
const cache = process.env.XDG_CACHE_HOME
const at = (path: string) => join(root, 'store', path)

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'riastore-repair-'))
  process.env.XDG_CACHE_HOME = join(root, 'cache')
  await mkdir(at(''), { recursive: true })
  store = openLocalStore({ root: at('') })
  await write(store, 'ria-layout-version', '1\n')
  await runOk('git', ['init', '-q', '--bare', at(DIRECTORY)])
  await write(store, `${DIRECTORY}/ria-layout-version`, '2\n')
  await write(store, PLACE, 'cut off')
})
afterEach(async () => {
  if (cache === undefined) delete process.env.XDG_CACHE_HOME
  else process.env.XDG_CACHE_HOME = cache
  await store.close()
  await rm(root, { recursive: true, force: true })
})

/** A repository that has the key, as git-annex keeps it. */
async function makeClone(): Promise<string> {
  const clone = join(root, 'clone')
  await runOk('git', ['init', '-q', clone])
  await runOk('git', ['-C', clone, '-c', 'user.name=A', '-c', 'user.email=a@example.org', 'annex', 'init', '-q'])
  await writeFile(join(root, 'content'), CONTENT)
  await runOk('git', ['-C', clone, 'annex', 'setkey', KEY, join(root, 'content')])
  return clone
}

test('repair asks first, tells with -n what it would do, and brings a key back from a clone', async () => {
  const clone = await makeClone()
  const words = ['--from', clone, at(''), ID]
  expect(await riastore(['repair', ...words])).toMatchObject({ code: 2, stdout: '' })
  const asked = await riastore(['repair', ...words], { answer: false })
  expect([asked.code, asked.asked]).toEqual([1, [expect.stringMatching(/^Repair 6d69ca68.* quarantine\/\?$/)]])
  const dry = await riastore(['repair', '-n', '--json', ...words])
  expect(objectsOf(dry, 'finding')).toEqual([
    expect.objectContaining({ check: 'key-size', repaired: 'mended', how: expect.stringContaining(clone) }),
  ])
  expect((await readFile(at(PLACE))).toString()).toBe('cut off')
  const { code, stdout } = await riastore(['repair', '--yes', ...words])
  expect(code).toBe(0)
  expect(stdout).toMatch(/^mended key-size: the copy is damaged: it has 7 bytes, the key 22$/m)
  expect(stdout).toMatch(/^1 dataset; mended 1, in quarantine 0, left 0$/m)
  expect(await readFile(at(PLACE))).toEqual(CONTENT)
  expect(await riastore(['check', '--data', at(''), ID])).toMatchObject({ code: 0 })
})

test('without a good copy the exit code is 3, and what is no source changes nothing', async () => {
  expect(await riastore(['repair', '--yes', '--from', 'nothing-of-the-kind', at('')])).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/"nothing-of-the-kind" is no clone, no store, and no remote/),
  })
  expect((await readFile(at(PLACE))).toString()).toBe('cut off')
  const ran = await riastore(['repair', '--yes', '--json', at('')])
  expect(ran.code).toBe(3)
  expect(objectsOf(ran, 'summary')).toEqual([
    expect.objectContaining({ datasets: 1, mended: 0, quarantined: 1, left: 0, failed: 0 }),
  ])
})

test('modes, git’s stale views and locks, dead uploads and aliases are mended in one run of all datasets', async () => {
  await writeFile(join(root, 'content'), CONTENT)
  await write(store, PLACE, CONTENT)
  await chmod(at(PLACE), 0o666)
  await write(store, `${DIRECTORY}/info/refs`, `${'1'.repeat(40)}\trefs/heads/gone\n`)
  const old = new Date(Date.now() - 48 * 3_600_000)
  const upload = `${DIRECTORY}/ora-remote-x/transfer/riastore-1-0123456789ab-1.tmp`
  const ofOra = `${DIRECTORY}/ora-remote-x/transfer/MD5-s3--900150983cd24fb0d6963f7d28e17f72`
  const lock = `${DIRECTORY}/packed-refs.lock`
  for (const path of [upload, ofOra, lock]) {
    await mkdir(dirname(at(path)), { recursive: true })
    await writeFile(at(path), 'abc')
    await utimes(at(path), old, old)
  }
  await write(store, 'alias/lost/riastore-alias', 'abc/def-not-there\n')
  const found = objectsOf(await riastore(['check', '--json', at('')]), 'finding').map(({ check }) => check)
  expect(found.sort()).toEqual(['alias-dangling', 'leftover', 'leftover', 'lock', 'mode', 'views'])
  const { code, stdout } = await riastore(['repair', '--yes', at('')])
  expect([code, stdout]).toEqual([0, expect.stringContaining('mended 6, in quarantine 0, left 0')])
  expect((await stat(at(PLACE))).mode & 0o402).toBe(0o400)
  expect(await riastore(['check', '--data', '--jobs', '1', '--bwlimit', '10M', at('')])).toMatchObject({ code: 0 })
  const kept: string[] = []
  for await (const { path } of store.list(`${DIRECTORY}/quarantine`)) kept.push(path.split('/').at(-1) ?? '')
  expect(kept.sort()).toEqual(['MD5-s3--900150983cd24fb0d6963f7d28e17f72', 'packed-refs.lock'])
})
