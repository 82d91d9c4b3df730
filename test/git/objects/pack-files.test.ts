import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { StoreError } from '../../../src/core/errors.ts'
import { packPath, uploadPack } from '../../../src/git/objects/pack-files.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import { openMemoryStore } from '../../../src/store/memory.ts'
import { paths, temporaryDirectory, withMethods, write } from '../../support/stores/stores.ts'

const NAMES = ['a', 'b', 'c', 'd', 'e'].map((digit) => digit.repeat(40))

let work: Awaited<ReturnType<typeof temporaryDirectory>>
beforeEach(async () => {
  work = await temporaryDirectory()
})
afterEach(() => work.remove())

/** Makes another pack at each call, as git does at another level of compression. */
function packer() {
  let calls = 0
  return async () => {
    const name = NAMES[calls++] ?? ''
    for (const suffix of ['pack', 'idx'])
      await writeFile(join(work.path, `pack-${name}.${suffix}`), `${suffix} ${name}`)
    return { code: 0, stdout: `${name}\n` }
  }
}

const taken = (at: number) => packPath('abc/def', `pack-${NAMES[at]}`, 'idx')

describe('a pack is uploaded', () => {
  test('under its name, the index first', async () => {
    const memory = openMemoryStore()
    const puts: string[] = []
    const store = withMethods(memory, {
      put: (path, ...rest) => {
        puts.push(path.slice(-5))
        return memory.put(path, ...rest)
      },
    })
    expect(await uploadPack(new StoredDataset(store, 'abc/def'), work.path, [], packer(), {})).toBe(`pack-${NAMES[0]}`)
    expect(puts).toEqual(['a.idx', '.pack'])
  })

  test('under another name when somebody was broken off who had the same', async () => {
    const store = openMemoryStore()
    for (const at of [0, 1]) await write(store, taken(at), 'left behind')
    expect(await uploadPack(new StoredDataset(store, 'abc/def'), work.path, [], packer(), {})).toBe(`pack-${NAMES[2]}`)
  })

  test('not at all when the repository has it, or every name is taken', async () => {
    const store = openMemoryStore()
    expect(await uploadPack(new StoredDataset(store, 'abc/def'), work.path, [`pack-${NAMES[0]}`], packer(), {})).toBe(
      `pack-${NAMES[0]}`,
    )
    expect(await paths(store, '')).toEqual([])
    for (const at of [0, 1, 2, 3]) await write(store, taken(at), 'left behind')
    await expect(uploadPack(new StoredDataset(store, 'abc/def'), work.path, [], packer(), {})).rejects.toMatchObject({
      kind: 'conflict',
    })
  })

  test('also with an index that is too large to be put on a condition', async () => {
    const memory = openMemoryStore()
    const store = withMethods(memory, {
      put: async (path, source, options) => {
        if (!options?.ifAbsent) return memory.put(path, source, options)
        throw new StoreError({ kind: 'unsupported', op: 'put', where: path, message: 'too large' })
      },
    })
    await write(memory, taken(0), 'left behind')
    expect(await uploadPack(new StoredDataset(store, 'abc/def'), work.path, [], packer(), {})).toBe(`pack-${NAMES[1]}`)
  })
})
