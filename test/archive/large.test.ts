import { afterAll, expect, it } from 'vitest'
import { Archive } from '../../src/archive/archive.ts'
import { IndexCache } from '../../src/archive/index/index-cache.ts'
import { openLocalStore } from '../../src/store/local/local.ts'
import { keyMembers, writeLargeArchive } from '../support/archives/large-archive.ts'
import { contentOf } from '../support/archives/real-archive.ts'
import { temporaryDirectory } from '../support/stores/stores.ts'

const directory = await temporaryDirectory()
afterAll(() => directory.remove())
const MEMBERS = keyMembers(100_000)
await writeLargeArchive(`${directory.path}/a.7z`, MEMBERS)

function open(): Promise<Archive> {
  const cache = new IndexCache({ directory: `${directory.path}/cache`, maxBytes: 1e9 })
  return Archive.open(openLocalStore({ root: directory.path }), 'a.7z', { cache })
}

it.each(['cold', 'warm'])('an archive of 100,000 members is read with a %s cache', async () => {
  const archive = await open()
  expect(archive.count).toBe(MEMBERS.count)
  for (let i = 0; i < MEMBERS.count; i += 17) {
    const member = await archive.find(MEMBERS.name(i))
    expect(member?.size).toBe(MEMBERS.size(i))
    expect(await archive.find(`${MEMBERS.name(i)}x`)).toBeUndefined()
    if (i % 1700 === 0 && member) expect((await contentOf(archive, member)).length).toBe(MEMBERS.size(i))
  }
  await archive.close()
})

it('all members of a large archive are listed in its order', async () => {
  const archive = await open()
  let i = 0
  for await (const { name, size } of archive.members()) {
    if (name !== MEMBERS.name(i) || size !== MEMBERS.size(i)) expect.fail(`${name} instead of ${MEMBERS.name(i)}`)
    i += 1
  }
  expect(i).toBe(MEMBERS.count)
  await archive.close()
})
