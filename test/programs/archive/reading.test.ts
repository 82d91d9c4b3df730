import { describe, expect, it } from 'vitest'
import { Archive, type Member } from '../../../src/archive/archive.ts'
import { openMemoryStore } from '../../../src/store/memory.ts'
import type { FaultPlan } from '../../../src/store/wrappers/faulty.ts'
import { withFaults } from '../../../src/store/wrappers/faulty.ts'
import { withLimit } from '../../../src/store/wrappers/limit.ts'
import { withRetry } from '../../../src/store/wrappers/retry.ts'
import { copyArchive } from '../../support/archives/header-writer.ts'
import { contentOf, differences, makeArchive, someFiles } from '../../support/archives/real-archive.ts'
import { mixedContent } from '../../support/archives/real-folder.ts'
import { withMethods, wrapped, write } from '../../support/stores/stores.ts'

const CONTENT = Buffer.alloc(100_000, 'The content of a member. ')
const COPY = copyArchive([
  { name: 'before', content: Buffer.from('before') },
  { name: 'member', content: CONTENT },
  { name: 'after', content: Buffer.from('after') },
])
const SOLID_FILES = new Map([
  ['a', mixedContent(150_000, 1)],
  ['b', mixedContent(150_000, 2)],
  ['c', mixedContent(150_000, 3)],
])
const SOLID = await makeArchive(SOLID_FILES, ['-m0=Deflate', '-ms=on'])

/** An archive in a store that fails as planned once it is open. */
async function openFaulty(bytes: Buffer, plan: FaultPlan = []) {
  const memory = openMemoryStore()
  await write(memory, 'a.7z', bytes)
  let faulty = withFaults(memory, [])
  const store = withMethods(memory, { get: (...all) => faulty.get(...all) })
  const archive = await Archive.open(withRetry(withLimit(store), { retries: 2, minDelayMs: 1, maxDelayMs: 2 }), 'a.7z')
  faulty = withFaults(memory, plan)
  const member = async (name: string) => (await archive.find(name)) as Member
  return { memory, archive, member, calls: () => faulty.calls.length }
}

/** The packed members, in the order in which they lie in their folder. */
async function inOrder(archive: Archive): Promise<Member[]> {
  const members: Member[] = []
  for await (const member of archive.members()) if (member.place.kind === 'packed') members.push(member)
  return members.sort((a, b) => positionOf(a) - positionOf(b))
}

function positionOf({ place }: Member): number {
  return place.kind === 'packed' ? place.position : 0
}

describe.each([
  ['a copied member', COPY, 'member', CONTENT, CONTENT.length / 2],
  ['a packed member', SOLID, 'b', SOLID_FILES.get('b') as Buffer, Number(SOLID.readBigUInt64LE(12)) / 2],
])('%s', (_, bytes, name, content, half) => {
  const flip = Math.floor(half)

  it('is read with one call of the store', async () => {
    const { archive, member, calls } = await openFaulty(bytes)
    expect((await contentOf(archive, await member(name))).equals(content)).toBe(true)
    expect(calls()).toBe(1)
  })

  it('is read from any place on', async () => {
    const { archive, member } = await openFaulty(bytes)
    for (const start of [0, 1, 4096, 16_384, content.length - 1, content.length]) {
      expect((await contentOf(archive, await member(name), start)).equals(content.subarray(start))).toBe(true)
    }
    for (const start of [-1, content.length + 1, 0.5]) {
      await expect(contentOf(archive, await member(name), start)).rejects.toMatchObject({ kind: 'corrupt' })
    }
  })

  it('is read again from where the last try ended, when the connection fails', async () => {
    const { archive, member, calls } = await openFaulty(bytes, [{ fail: 'unreachable', at: 150, times: 2 }])
    const parts: Buffer[] = []
    let length = 0
    const progress: number[] = []
    await archive.read(
      await member(name),
      async (chunks) => {
        for await (const chunk of chunks) {
          parts.push(Buffer.from(chunk))
          length += chunk.length
        }
      },
      { start: () => length, onProgress: (count) => progress.push(count) },
    )
    expect(Buffer.concat(parts).equals(content)).toBe(true)
    expect(calls()).toBe(3)
    expect(progress.at(-1)).toBe(content.length)
  })

  it('is corrupt when a bit is flipped on the way', async () => {
    const { archive, member } = await openFaulty(bytes, [{ flip }])
    await expect(contentOf(archive, await member(name))).rejects.toMatchObject({ kind: 'corrupt' })
  })

  it('is corrupt when the store gives too little', async () => {
    const { archive, member } = await openFaulty(bytes, [{ truncate: 200 }])
    await expect(contentOf(archive, await member(name))).rejects.toMatchObject({ kind: 'corrupt' })
  })

  it('is a conflict when the archive was replaced', async () => {
    const { memory, archive, member } = await openFaulty(bytes)
    await write(memory, 'a.7z', bytes)
    await expect(contentOf(archive, await member(name))).rejects.toMatchObject({
      kind: 'conflict',
      where: 'memory:/a.7z',
    })
  })

  it('is missing when the archive is gone', async () => {
    const { memory, archive, member } = await openFaulty(bytes)
    await memory.remove('a.7z')
    await expect(contentOf(archive, await member(name))).rejects.toMatchObject({ kind: 'missing' })
  })

  it('passes on what the consumer throws, and tries no more', async () => {
    const { archive, member, calls } = await openFaulty(bytes)
    const own = new Error('disk full')
    const consume = async (chunks: AsyncIterable<Uint8Array>) => {
      for await (const _ of chunks) throw own
    }
    await expect(archive.read(await member(name), consume)).rejects.toBe(own)
    expect(calls()).toBe(1)
  })

  it('is corrupt for a consumer that stops early without an error', async () => {
    const { archive, member } = await openFaulty(bytes)
    for (const consume of [async () => {}, async (chunks: AsyncIterable<Uint8Array>) => void (await first(chunks))]) {
      await expect(archive.read(await member(name), consume)).rejects.toMatchObject({ kind: 'corrupt' })
    }
  })

  it('is corrupt even when the consumer hides the error', async () => {
    const { archive, member } = await openFaulty(bytes, [{ flip }])
    const consume = async (chunks: AsyncIterable<Uint8Array>) => {
      try {
        for await (const _ of chunks);
      } catch {}
    }
    await expect(archive.read(await member(name), consume)).rejects.toMatchObject({ kind: 'corrupt' })
  })

  it('stops when it is aborted', async () => {
    const { archive, member } = await openFaulty(bytes)
    const controller = new AbortController()
    const consume = async (chunks: AsyncIterable<Uint8Array>) => {
      for await (const _ of chunks) controller.abort()
    }
    const read = archive.read(await member(name), consume, { signal: controller.signal })
    await expect(read).rejects.toMatchObject({ kind: 'aborted' })
  })
})

async function first(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array | undefined> {
  for await (const chunk of chunks) return chunk
}

it('an error names the archive and the member', async () => {
  const { archive, member } = await openFaulty(COPY, [{ flip: 60_000 }])
  await expect(contentOf(archive, await member('member'))).rejects.toThrow(
    'get memory:/a.7z: member: its checksum is wrong',
  )
})

describe('a solid folder', () => {
  it('is unpacked once for the first member and once for all others', async () => {
    const files = someFiles(60, 3000)
    const { archive, calls } = await openFaulty(await makeArchive(files, ['-m0=Deflate', '-ms=on']))
    expect(await differences(archive, files)).toEqual([])
    expect(calls()).toBe(2)
  })

  it('is unpacked once for all members that are read while it comes, from where the connection failed', async () => {
    const files = someFiles(60, 3000)
    const bytes = await makeArchive(files, ['-m0=Deflate', '-ms=on', '-mhc=off'])
    const { archive, calls } = await openFaulty(bytes, [{ fail: 'unreachable', at: 300 }])
    const members = await inOrder(archive)
    const order: number[] = []
    await archive.readFolder(members, async ({ at, read, throwFailure }) => {
      if (at % 3 === 0) return
      const parts: Buffer[] = []
      const consume = async (chunks: AsyncIterable<Uint8Array>) => {
        for await (const chunk of chunks) parts.push(Buffer.from(chunk))
      }
      // Like a caller that looks after the failures of single members.
      await read(consume, {}).catch(() => throwFailure())
      order.push(at)
      expect(Buffer.concat(parts).equals(files.get(members[at]?.name ?? '') as Buffer)).toBe(true)
    })
    expect(order).toEqual([...members.keys()].filter((at) => at % 3 !== 0))
    expect(calls()).toBe(2)
  })

  it('gives the members before the place where it is cut off, and is corrupt then', async () => {
    const { archive } = await openFaulty(SOLID, [{ truncate: Number(SOLID.readBigUInt64LE(12)) / 2 }])
    const told: string[] = []
    const reading = archive.readFolder(await inOrder(archive), async (passing) => {
      const consume = async (chunks: AsyncIterable<Uint8Array>) => {
        for await (const _ of chunks);
      }
      await passing.read(consume, {}).catch(() => passing.throwFailure())
      told.push('good')
      await expect(passing.read(consume, {})).rejects.toMatchObject({ kind: 'conflict' })
    })
    await expect(reading).rejects.toMatchObject({ kind: 'corrupt' })
    expect(told).toEqual(['good'])
  })

  it('is read by many jobs at once', async () => {
    const { archive, member } = await openFaulty(SOLID)
    const names = Array.from({ length: 30 }, (_, i) => 'abc'[i % 3] as string)
    const read = await Promise.all(names.map(async (name) => contentOf(archive, await member(name))))
    for (const [i, name] of names.entries()) expect(read[i]?.equals(SOLID_FILES.get(name) as Buffer)).toBe(true)
  })

  it('gives other jobs their members when the one that unpacks it gives up', async () => {
    const { archive, member } = await openFaulty(SOLID)
    await contentOf(archive, await member('a'))
    const controller = new AbortController()
    const aborted = archive.read(
      await member('b'),
      async (chunks) => {
        for await (const _ of chunks);
      },
      { signal: controller.signal },
    )
    const other = contentOf(archive, await member('c'))
    controller.abort()
    await expect(aborted).rejects.toMatchObject({ kind: 'aborted' })
    expect((await other).equals(SOLID_FILES.get('c') as Buffer)).toBe(true)
  })

  it('gives members before a damaged place, and none behind it', async () => {
    const files = someFiles(60, 9000)
    const bytes = await makeArchive(files, ['-m0=BZip2:d=100k', '-ms=on', '-mhc=off'])
    const damaged = Buffer.from(bytes)
    const end = 32 + Number(bytes.readBigUInt64LE(12))
    damaged[end - 200] = (damaged[end - 200] ?? 0) ^ 0x10
    const { archive } = await openFaulty(damaged)
    let good = 0
    for (let round = 0; round < 2; round++) {
      for await (const member of archive.members()) {
        const content = await contentOf(archive, member).catch((error: { kind: string }) => error.kind)
        if (typeof content === 'string') expect(content).toBe('corrupt')
        else {
          expect(content.equals(files.get(member.name) as Buffer), member.name).toBe(true)
          if (content.length > 0) good += 1
        }
      }
    }
    expect(good).toBeGreaterThan(10)
  })
})

describe('Archive.open', () => {
  it('is missing when there is none', async () => {
    await expect(Archive.open(openMemoryStore(), 'a.7z')).rejects.toMatchObject({
      kind: 'missing',
      where: 'memory:/a.7z',
    })
  })

  it('takes a stat that the caller has, and notices that it is old', async () => {
    const store = openMemoryStore()
    await write(store, 'a.7z', COPY)
    const stat = await store.stat('a.7z')
    if (stat === undefined) throw new Error('it was written')
    const archive = await Archive.open(
      withMethods(store, { stat: () => Promise.reject(new Error('not again')) }),
      'a.7z',
      { stat },
    )
    expect(archive.stat).toBe(stat)
    await write(store, 'a.7z', COPY)
    await expect(Archive.open(store, 'a.7z', { stat })).rejects.toMatchObject({ kind: 'conflict' })
  })

  it('can be aborted', async () => {
    const store = openMemoryStore()
    await write(store, 'a.7z', COPY)
    await expect(Archive.open(store, 'a.7z', { signal: AbortSignal.abort() })).rejects.toMatchObject({
      kind: 'aborted',
    })
  })

  it.each([
    ['unreachable', 'unreachable'],
    ['denied', 'denied'],
  ] as const)('passes on that the store is %s', async (fail, kind) => {
    const store = openMemoryStore()
    await write(store, 'a.7z', COPY)
    for (const nth of [1, 2]) {
      const faulty = withFaults(store, [{ fail, op: 'get', nth, at: 5 }])
      await expect(Archive.open(faulty, 'a.7z')).rejects.toMatchObject({ kind })
    }
  })

  it('reads the end header again after a failure on the way', async () => {
    const files = someFiles(300, 50)
    for (const packed of ['on', 'off']) {
      const store = openMemoryStore()
      await write(store, 'a.7z', await makeArchive(files, ['-mx0', `-mhc=${packed}`]))
      const faulty = withFaults(store, [{ fail: 'unreachable', op: 'get', nth: 2, at: 20, times: 2 }])
      const archive = await Archive.open(wrapped(faulty), 'a.7z')
      expect(await differences(archive, files)).toEqual([])
    }
  })

  it('is no use after close', async () => {
    const { archive } = await openFaulty(COPY)
    const found = archive.find('member')
    await archive.close()
    await archive.close()
    expect(await found).toBeDefined()
    await expect(archive.find('member')).rejects.toMatchObject({ kind: 'aborted' })
  })
})
