import { writeFile } from 'node:fs/promises'
import { expect, test, vi } from 'vitest'
import { riastore } from '../../support/programs/console-double.ts'
import { temporaryDirectory } from '../../support/stores/stores.ts'

test('riastore url says that git is not there to tell a file’s key', async () => {
  const directory = await temporaryDirectory()
  const file = `${directory.path}/file`
  await writeFile(file, '/annex/objects/MD5-s1--abc\n')
  const { code, stderr } = await riastore(['url', 'ria+s3+http://127.0.0.1:1/bucket', 'id', file])
  expect([code, stderr]).toEqual([2, 'riastore: git is not on PATH, to say which key a file is: give the key itself\n'])
  await directory.remove()
})

test('riastore url wants a key, and takes the store of RIASTORE_STORE where none is named', async () => {
  expect(await riastore(['url'])).toMatchObject({ code: 2, stderr: expect.stringMatching(/^riastore: which key\? /) })
  vi.stubEnv('RIASTORE_STORE', 'ria+http://127.0.0.1:1/store')
  for (const words of [['MD5-s1--abc'], ['~ds', 'MD5-s1--abc']]) {
    const { code, stderr } = await riastore(['url', ...words])
    expect([code, stderr]).toEqual([2, expect.stringMatching(words.length === 1 ? /give a dataset/ : /in S3 only/)])
  }
  vi.unstubAllEnvs()
})
