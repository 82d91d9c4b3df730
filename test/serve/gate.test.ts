import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Gate } from '../../src/serve/gate.ts'
import { temporaryDirectory } from '../support/stores/stores.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let file: string

beforeEach(async () => {
  directory = await temporaryDirectory()
  file = join(directory.path, 'access.json')
})
afterEach(async () => {
  vi.restoreAllMocks()
  await directory.remove()
})

test('nobody is let in by rules that were while the access file cannot be looked at', async () => {
  let ms = 0
  vi.spyOn(performance, 'now').mockImplementation(() => ms)
  let isWell = true
  const look = (path: string) => (isWell ? stat(path) : Promise.reject(new Error('EIO')))
  const gate = new Gate({ accessFile: file }, look)
  const ask = async () => {
    ms += 1_001
    return (await gate.admit({ headers: {}, socket: { remoteAddress: '127.0.0.1' } })).datasets
  }
  const isRefused = { status: 503 }
  await writeFile(file, '{"public": ["*"]}')
  expect(await ask()).toEqual(['*'])
  // Its disk gives an error for a while. What it gives meanwhile may be what was there before.
  isWell = false
  await expect(ask()).rejects.toMatchObject(isRefused)
  await writeFile(file, '{"public": []}')
  await expect(ask()).rejects.toMatchObject(isRefused)
  isWell = true
  expect(await ask()).toEqual([])
})
