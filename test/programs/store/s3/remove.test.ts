import { beforeEach, describe, expect, it } from 'vitest'
import { removeFiles } from '../../../../src/store/remove-files.ts'
import type { Store } from '../../../../src/store/store.ts'
import type { S3Faults } from '../../../support/servers/s3-faults.ts'
import { paths, withMethods, wrapped, write } from '../../../support/stores/stores.ts'
import { useS3 } from '../../../support/worlds/s3-bench.ts'

const bench = useS3()
let faults: S3Faults
let store: Store
beforeEach(() => {
  ;({ faults, store } = bench)
})

/** Such as a key's name may have. */
const NAMES = ['plain', 'a/b & c', '<i>', '"q" ü 例', "it's", 'new\nline', '%41', ' x ']
const removals = () => faults.requests.filter((request) => /^DELETE|^POST .*delete/.test(request))

async function fill(): Promise<void> {
  for (const name of [...NAMES, 'stays']) await write(store, name, name)
  faults.reset()
}

describe('removing many files', () => {
  it('takes one request for all that XML can name, and nothing else away', async () => {
    await fill()
    await removeFiles(store, [...NAMES, 'was never there'])
    expect(await paths(store, '')).toEqual(['stays'])
    expect(removals()).toHaveLength(2)
  })

  it('does so through all wrappers', async () => {
    await fill()
    await removeFiles(wrapped(store), NAMES)
    expect(await paths(store, '')).toEqual(['stays'])
    expect(removals()).toHaveLength(2)
    faults.misbehave({ on: /^POST .*delete/, status: 503, code: 'SlowDown', times: 1 })
    await removeFiles(wrapped(store), ['stays', 'plain'])
    expect(await paths(store, '')).toEqual([])
  })

  it('takes a request for each thousand', async () => {
    await write(store, 'name 1500', 'x')
    await write(store, 'stays', 'x')
    faults.reset()
    const done: number[] = []
    const names = Array.from({ length: 2001 }, (_, i) => `name ${i}`)
    await removeFiles(store, names, { onProgress: (count) => done.push(count) })
    expect(removals()).toHaveLength(3)
    expect(done).toEqual([1000, 2000, 2001])
    expect(await paths(store, '')).toEqual(['stays'])
  })

  it('works one by one where the server cannot do it', async () => {
    await fill()
    faults.misbehave({ on: /^POST .*delete/, status: 501, code: 'NotImplemented' })
    await removeFiles(store, NAMES)
    expect(await paths(store, '')).toEqual(['stays'])
    expect(removals()).toHaveLength(1 + NAMES.length)
  })

  it('works one by one where the store has no such call', async () => {
    await fill()
    await removeFiles(withMethods(store, { removeAll: undefined }), NAMES)
    expect(await paths(store, '')).toEqual(['stays'])
  })

  it('fails when the server keeps one, and names it', async () => {
    await fill()
    const body = (real: Buffer) =>
      Buffer.from(
        real.toString().replace('<Deleted>', '<Error><Code>AccessDenied</Code>').replace('</Deleted>', '</Error>'),
      )
    faults.misbehave({ on: /^POST .*delete/, body })
    const failure = removeFiles(store, ['plain', 'stays'])
    await expect(failure).rejects.toMatchObject({ kind: 'denied', where: expect.stringMatching(/\/(plain|stays)$/) })
  })

  it('is not done while the server does not say so', async () => {
    await fill()
    faults.misbehave({ on: /^POST .*delete/, body: () => Buffer.from('<DeleteResult></DeleteResult>') })
    faults.misbehave({ on: /^DELETE/, status: 403, code: 'AccessDenied' })
    await expect(removeFiles(store, ['plain', 'stays'])).rejects.toMatchObject({ kind: 'denied' })
  })

  it('fails for the reason of the first that fails where they go one by one', async () => {
    await fill()
    faults.misbehave({ on: /^DELETE .*plain/, status: 403, code: 'AccessDenied' })
    const alone = withMethods(store, { removeAll: undefined })
    await expect(removeFiles(alone, NAMES)).rejects.toMatchObject({ kind: 'denied' })
  })
})
