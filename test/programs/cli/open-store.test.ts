import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { parseStore, storeAndRest } from '../../../src/cli/open-store.ts'
import { ConfigError } from '../../../src/core/errors.ts'
import { runOk } from '../../support/programs/run.ts'
import { temporaryDirectory } from '../../support/stores/stores.ts'

const ID = '9c82d81d-b96f-4c27-a90b-57172f5fd811'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
beforeEach(async () => {
  directory = await temporaryDirectory()
  for (const name of ['RIASTORE_STORE', 'GIT_DIR', 'GIT_CONFIG_COUNT']) vi.stubEnv(name, undefined)
  vi.stubEnv('GIT_CONFIG_GLOBAL', join(directory.path, 'gitconfig'))
  vi.stubEnv('GIT_CONFIG_NOSYSTEM', '1')
  vi.spyOn(process, 'cwd').mockReturnValue(directory.path)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
  await directory.remove()
})

const configure = (...entries: readonly (readonly [string, string])[]) => {
  vi.stubEnv('GIT_CONFIG_COUNT', `${entries.length}`)
  entries.forEach(([key, value], i) => {
    vi.stubEnv(`GIT_CONFIG_KEY_${i}`, key)
    vi.stubEnv(`GIT_CONFIG_VALUE_${i}`, value)
  })
}
const shown = async (...args: Parameters<typeof parseStore>) => (await parseStore(...args)).shown

describe('what stands for a store', () => {
  beforeEach(() =>
    configure(
      ['riastore.store.lab.url', 'data:lab'],
      ['riastore.store.lab.push-url', 'ria+ssh://inside/lab'],
      ['riastore.store.empty.acl', 'private'],
      ['riastore.site.store', 'ria+file:///site'],
      ['url.ria+https://example.org/.insteadOf', 'data:'],
    ),
  )

  test('is a name, a site, a URL, or the path of a directory, in this order', async () => {
    await mkdir(join(directory.path, 'lab'))
    expect(await shown('lab')).toBe('ria+https://example.org/lab')
    expect(await shown('site')).toBe('ria+file:///site')
    expect(await shown('data:x')).toBe('ria+https://example.org/x')
    expect((await parseStore('./lab')).location).toEqual({ scheme: 'file', path: join(directory.path, 'lab') })
    expect((await parseStore('other')).location).toEqual({ scheme: 'file', path: join(directory.path, 'other') })
    await expect(parseStore('empty')).rejects.toThrow('the store empty has no URL')
  })

  test('means, where something is changed, the URL to write through', async () => {
    expect(await shown('lab', { forWriting: true })).toBe('ria+ssh://inside/lab')
    expect(await shown('site', { forWriting: true })).toBe('ria+file:///site')
  })

  test('may have a dataset behind it', async () => {
    expect(await parseStore(`lab#${ID}`)).toMatchObject({ dataset: ID, ofClone: false })
    expect(await parseStore('site#~raw')).toMatchObject({ dataset: '~raw' })
  })

  test('is RIASTORE_STORE where none is given', async () => {
    vi.stubEnv('RIASTORE_STORE', 'lab')
    expect(await shown(undefined)).toBe('ria+https://example.org/lab')
  })

  test('is left out where the name of a dataset stands', () => {
    expect(storeAndRest(['~raw', 'file'])).toEqual({ store: undefined, rest: ['~raw', 'file'] })
    expect(storeAndRest([ID])).toEqual({ store: undefined, rest: [ID] })
    expect(storeAndRest(['lab', ID])).toEqual({ store: 'lab', rest: [ID] })
  })
})

describe('in a clone, no store at all', () => {
  const remoteLog = (name: string, uuid: string) =>
    `${uuid} archive-id=${ID} encryption=none externaltype=ora name=${name} type=external url=ria+file:///of-${name} timestamp=1s\n`

  async function clone(...siblings: readonly (readonly [string, string])[]) {
    const git = (...args: string[]) => runOk('git', ['-C', directory.path, ...args])
    await git('init', '-q', '-b', 'main')
    await mkdir(join(directory.path, '.git/annex/journal'), { recursive: true })
    const log = siblings.map(([name, uuid]) => remoteLog(name, uuid)).join('')
    await writeFile(join(directory.path, '.git/annex/journal/remote.log'), log)
    for (const [name, uuid] of siblings) {
      await git('config', `remote.${name}.annex-externaltype`, 'ora')
      await git('config', `remote.${name}.annex-uuid`, uuid)
    }
    vi.stubEnv('GIT_DIR', join(directory.path, '.git'))
    return git
  }

  test('is the store of the storage sibling, and its dataset', async () => {
    await clone(['lab-storage', 'u1'])
    expect(await parseStore(undefined)).toMatchObject({
      location: { scheme: 'file', path: '/of-lab-storage' },
      dataset: ID,
      ofClone: true,
    })
  })

  test('is an error where there are several, none, or one that nobody confirmed', async () => {
    const git = await clone(['one', 'u1'], ['two', 'u2'])
    await expect(parseStore(undefined)).rejects.toThrow('several storage siblings (one, two)')
    await git('config', 'remote.two.annex-ignore', 'true')
    expect(await shown(undefined)).toBe('ria+file:///of-one')
    await git('config', 'remote.one.annex-verified', 'manual')
    await expect(parseStore(undefined)).rejects.toThrow('git annex verifyremote one')
    await git('config', '--unset-all', 'remote.one.annex-externaltype')
    await git('config', 'remote.two.annex-externaltype', 'other')
    await expect(parseStore(undefined)).rejects.toThrow(ConfigError)
  })
})
