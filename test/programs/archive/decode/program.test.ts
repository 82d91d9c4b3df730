import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type DecodeOptions, decodeFolder } from '../../../../src/archive/decode/decode-folder.ts'
import { findSevenZip } from '../../../../src/archive/seven-zip/find.ts'
import { StoreError } from '../../../../src/core/errors.ts'
import { collect } from '../../../../src/core/source.ts'
import {
  METHODS,
  mixedContent,
  openStreams,
  packFolder,
  type RealFolder,
} from '../../../support/archives/real-folder.ts'
import { descendants } from '../../../support/programs/processes.ts'

const CONTENT = mixedContent(3_000_000)
const NO_PROGRAM = { path: '' }

let directory: string
let temporaryDirectory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'riastore-program-'))
  temporaryDirectory = join(directory, 'temporary')
  await mkdir(temporaryDirectory)
})
afterEach(async () => {
  await expect
    .poll(async () => (await descendants(process.pid)).filter(({ command }) => /\/dev\/fd\/3|sleep 60/.test(command)))
    .toEqual([])
  expect(await readdir(temporaryDirectory)).toEqual([])
  await rm(directory, { recursive: true })
})

function start(real: RealFolder, options: Partial<DecodeOptions> = {}, opened = openStreams(real.packed)) {
  const { folder, packedSizes } = real
  return decodeFolder(folder, opened.streams, { where: 'a.7z', packedSizes, temporaryDirectory, ...options })
}

const read = (real: RealFolder, options?: Partial<DecodeOptions>, opened = openStreams(real.packed)) =>
  collect(start(real, options, opened), 2 ** 30)

/** A directory for PATH with a `7zz` that says it is 7-Zip 26.02, and runs a shell script. */
async function fakeProgram(script: string, version = '26.02'): Promise<string> {
  const path = join(directory, 'bin')
  await mkdir(path)
  const banner = `[ "$1" = i ] && { echo '7-Zip (z) ${version} (x64) : a fake'; exit; }`
  await writeFile(join(path, '7zz'), `#!/bin/sh\n${banner}\n${script}\n`)
  await chmod(join(path, '7zz'), 0o755)
  return path
}

describe.each(Object.entries(METHODS))('%s', (_, switches) => {
  let made: Promise<RealFolder> | undefined
  const packing = () => (made ??= packFolder(CONTENT.subarray(0, 600_000), switches))

  it('a consumer that stops early leaves nothing behind', async () => {
    const opened = openStreams((await packing()).packed, 1000)
    for await (const chunk of start(await packing(), {}, opened)) {
      expect(chunk.length).toBeGreaterThan(0)
      break
    }
    expect(opened.open.size).toBe(0)
  })

  it('what a packed stream throws comes out unchanged', async () => {
    const failure = new StoreError({ kind: 'conflict', op: 'get', where: 'x', message: 'replaced' })
    const streams = async function* () {
      yield Buffer.from((await packing()).packed[0]?.subarray(0, 50) ?? [])
      throw failure
    }
    await expect(read(await packing(), {}, { streams, opened: [], open: new Set() })).rejects.toBe(failure)
  })

  it('a packed stream that hangs is given up when the signal aborts', async () => {
    const signal = AbortSignal.timeout(100)
    const streams = async function* () {
      yield Buffer.from((await packing()).packed[0]?.subarray(0, 50) ?? [])
      await new Promise(() => {})
    }
    const reading = read(await packing(), { signal }, { streams, opened: [], open: new Set() })
    await expect(reading).rejects.toMatchObject({ kind: 'aborted' })
  })

  it('a signal that aborted before opens nothing', async () => {
    const opened = openStreams((await packing()).packed)
    const reading = read(await packing(), { signal: AbortSignal.abort() }, opened)
    await expect(reading).rejects.toMatchObject({ kind: 'aborted' })
    expect(opened.opened).toEqual([])
  })
})

it('the program is killed when the signal aborts while it works', async () => {
  const real = await packFolder(CONTENT, ['-m0=PPMd'])
  const controller = new AbortController()
  const reading = (async () => {
    for await (const _ of start(real, { signal: controller.signal })) controller.abort()
  })()
  await expect(reading).rejects.toMatchObject({ kind: 'aborted' })
})

it('a program that says nothing is killed after the stall limit, whether before or after its output', async () => {
  const real = await packFolder(CONTENT, ['-m0=PPMd'])
  const path = await fakeProgram('printf x; exec sleep 60')
  const reading = read(real, { programs: { path }, stallMs: 200 })
  await expect(reading).rejects.toMatchObject({ kind: 'transient', reason: 'the 7-Zip program was silent for 0.2 s' })
  await writeFile(join(path, '7zz'), '#!/bin/sh\nprintf x\nexec sleep 60 >&-\n')
  const again = read(real, { programs: { path }, stallMs: 200 })
  await expect(again).rejects.toMatchObject({ kind: 'transient' })
})

it('the stall limit does not count the time that the consumer takes', async () => {
  const real = await packFolder(CONTENT, ['-m0=PPMd'])
  let length = 0
  // So long that a busy machine starts the program meanwhile.
  for await (const chunk of start(real, { stallMs: 5_000 })) {
    if (length === 0) await new Promise((resolve) => setTimeout(resolve, 6_000))
    length += chunk.length
  }
  expect(length).toBe(CONTENT.length)
})

it('a program that is killed is no reason to call the archive damaged', async () => {
  const real = await packFolder(CONTENT, ['-m0=PPMd'])
  const path = await fakeProgram('printf x; kill -9 $$')
  const reading = read(real, { programs: { path } })
  await expect(reading).rejects.toMatchObject({
    kind: 'transient',
    reason: expect.stringContaining('was ended by SIGKILL'),
  })
})

it('a program that cannot be started is no reason to call the archive damaged', async () => {
  const real = await packFolder(CONTENT, ['-m0=PPMd'])
  const path = await fakeProgram('')
  await findSevenZip({ path })
  await writeFile(join(path, '7zz'), '#!/no/such/shell\n')
  const reading = read(real, { programs: { path } })
  await expect(reading).rejects.toMatchObject({ kind: 'unsupported', reason: expect.stringContaining('cannot be run') })
})

it('a program that ends well without having done its work is no reason to call the archive damaged', async () => {
  const real = await packFolder(CONTENT, ['-m0=PPMd'])
  const path = await fakeProgram('printf x')
  const reading = read(real, { programs: { path } })
  const reason = expect.stringMatching(/7zz gave only 1 of 3000000 bytes and no reason/)
  await expect(reading).rejects.toMatchObject({ kind: 'unsupported', reason })
})

describe('without a 7-Zip program', () => {
  it.each(['-m0=PPMd', '-m0=Deflate64', '-mf=BCJ2'])('%s is unsupported, with a word on what to do', async (method) => {
    const real = await packFolder(CONTENT, [method])
    const opened = openStreams(real.packed)
    const error = await read(real, { programs: NO_PROGRAM }, opened).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ kind: 'unsupported' })
    expect((error as Error).message).toMatch(
      /^get a\.7z: unpacking (PPMd|Deflate64|.*BCJ2.*) needs the 7-Zip program: install 7-Zip 24\.08 or newer \(the package 7zip\)$/,
    )
    expect(opened.opened).toEqual([])
  })

  it('LZMA that is too large for memory is unsupported', async () => {
    const real = await packFolder(CONTENT, ['-m0=LZMA'])
    const reading = read(real, { programs: NO_PROGRAM, maxMemoryBytes: CONTENT.length - 1 })
    await expect(reading).rejects.toMatchObject({ kind: 'unsupported' })
  })
})

describe('with a 7-Zip program that is too old for what others may have made', () => {
  it.each(['16.02', '24.07', 'no'])(
    '(%s) it is not started, and the version that is needed is named',
    async (version) => {
      const real = await packFolder(CONTENT, ['-m0=PPMd'])
      const path = await fakeProgram(`touch '${directory}/started'`, version)
      const opened = openStreams(real.packed)
      const reading = read(real, { programs: { path } }, opened)
      const what = version === 'no' ? 'does not tell its version' : `is 7-Zip ${version}`
      await expect(reading).rejects.toMatchObject({
        kind: 'unsupported',
        reason: `unpacking PPMd: ${path}/7zz ${what}, which is not safe with archives that others may have made: install 7-Zip 24.08 or newer (the package 7zip)`,
      })
      expect(opened.opened).toEqual([])
      expect(await readdir(directory)).not.toContain('started')
    },
  )

  it('what libraries can unpack is unpacked by them, also what is larger', async () => {
    const path = await fakeProgram(`touch '${directory}/started'`, '16.02')
    for (const [method, content] of [
      ['-m0=LZMA2', Buffer.alloc(9_000_000, 'some text')],
      ['-m0=BZip2', mixedContent(300_000)],
    ] as const) {
      expect((await read(await packFolder(content, [method]), { programs: { path } })).equals(content)).toBe(true)
    }
    expect(await readdir(directory)).not.toContain('started')
  })
})

describe('the temporary file', () => {
  it('is not written when it would be over the bound', async () => {
    const real = await packFolder(CONTENT, ['-m0=PPMd'])
    const opened = openStreams(real.packed)
    const reading = read(real, { maxTemporaryBytes: real.packedSizes[0] ?? 0 }, opened)
    await expect(reading).rejects.toMatchObject({
      kind: 'unsupported',
      reason: expect.stringMatching(/temporary file of \d+ bytes.*limit/),
    })
    expect(opened.opened).toEqual([])
  })

  it('is not written where there is no space for it', async () => {
    const real = await packFolder(CONTENT, ['-m0=PPMd'])
    const opened = openStreams(real.packed)
    const reading = read({ ...real, packedSizes: [2 ** 50] }, { maxTemporaryBytes: 2 ** 52 }, opened)
    await expect(reading).rejects.toMatchObject({ kind: 'full', reason: expect.stringContaining('has no space') })
    expect(opened.opened).toEqual([])
  })

  it('has no name: whatever kills us, it goes with us', async () => {
    const real = await packFolder(CONTENT, ['-m0=PPMd'])
    for await (const _ of start(real)) expect(await readdir(temporaryDirectory)).toEqual([])
  })

  it('that cannot be made is an error of the disk, not of the archive', async () => {
    const real = await packFolder(CONTENT, ['-m0=PPMd'])
    const reading = read(real, { temporaryDirectory: join(directory, 'missing') })
    await expect(reading).rejects.toMatchObject({
      kind: 'transient',
      reason: expect.stringMatching(/no temporary file in .*missing/),
    })
  })

  it('is not needed for BZip2 when the data is larger than its bound', async () => {
    const real = await packFolder(CONTENT, ['-m0=BZip2'])
    expect((await read(real, { maxTemporaryBytes: 10 })).equals(CONTENT)).toBe(true)
  })
})
