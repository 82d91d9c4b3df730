import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { temporaryDirectory } from '../support/stores/stores.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
beforeEach(async () => {
  directory = await temporaryDirectory()
})
afterEach(async () => {
  vi.unstubAllGlobals()
  vi.doUnmock('node:fs')
  vi.resetModules()
  await directory.remove()
})

/** Our functions as they are on another system: as this process sees none of /proc. */
async function elsewhere(platform: string) {
  vi.stubGlobal('process', Object.create(process, { platform: { value: platform } }))
  vi.doMock('node:fs', async (importOriginal) => {
    const fs = await importOriginal<typeof import('node:fs')>()
    return { ...fs, existsSync: (path: string) => !path.startsWith('/proc') && fs.existsSync(path) }
  })
  vi.resetModules()
  return await import('../../src/core/own-directory.ts')
}

test.each(['darwin', 'linux'])(
  'a directory of ours is known by its path, and removed, on a %s without /proc',
  async (platform) => {
    const { removeOwnDirectory, withOwnDirectory } = await elsewhere(platform)
    const path = `${directory.path}/ours`
    await mkdir(path, { mode: 0o700 })
    for (const name of ['owner.json', 'content']) await writeFile(`${path}/${name}`, '')
    expect(await withOwnDirectory(path, async ({ content }) => content)).toBe(path)
    await removeOwnDirectory(path, 'owner.json')
    expect(await readdir(directory.path)).toEqual([])
  },
)
