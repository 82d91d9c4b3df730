import { createHash, randomBytes } from 'node:crypto'
import { closeSync, linkSync, mkdtempSync, openSync, rmSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { checksumOf } from '../../../src/core/checksum.ts'
import { parseKey } from '../../../src/core/key.ts'
import { type FilePart, sendFile } from '../../../src/serve/quick/answer.ts'
import { type OpenFile, openPlainFile } from '../../../src/serve/quick/disk-file.ts'

/** More than is read at once, and more than what is read first. */
const CONTENT = randomBytes(2 * 1024 * 1024)
const HEAD = 'head\r\n\r\n'

let directory: string
let file: string
let open: OpenFile

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'riastore-answer-'))
  file = join(directory, 'key')
  writeFileSync(file, CONTENT)
  const found = openPlainFile(file)
  if (found === undefined) throw new Error('the file is not there')
  open = found
})
afterEach(() => {
  closeSync(open.fd)
  rmSync(directory, { recursive: true })
})

/** Sends the file, and has something happen when the first of its bytes are taken. */
async function send(about: Pick<FilePart, 'isChecked' | 'part'>, meanwhile: () => void) {
  const taken: Buffer[] = []
  const socket = new Writable({
    write(chunk: Buffer, _encoding, done) {
      taken.push(Buffer.from(chunk))
      if (taken.length === 2) meanwhile()
      done()
    },
  })
  const checksum = checksumOf(parseKey(`MD5-s${CONTENT.length}--${createHash('md5').update(CONTENT).digest('hex')}`))
  if (checksum === undefined) throw new Error('the key has no checksum')
  const sent = await sendFile(socket as Socket, HEAD, open, { ...about, size: CONTENT.length, checksum })
  return { sent, content: Buffer.concat(taken).subarray(HEAD.length) }
}

const PARTS = [undefined, { start: 10, end: CONTENT.length - 10 }]

test.each(PARTS)('a file is sent, or the part that is wanted of it (%o)', async (part) => {
  for (const isChecked of [true, false]) {
    const { sent, content } = await send({ isChecked, part }, () => {})
    const wanted = CONTENT.subarray(part?.start, part?.end)
    expect(sent).toEqual({ bytes: wanted.length })
    expect(content.equals(wanted)).toBe(true)
  }
})

test.each(PARTS)('a file that is written to while it is sent is not sent to its end (%o)', async (part) => {
  for (const isChecked of [true, false]) {
    const { sent, content } = await send({ isChecked, part }, () => {
      const other = openSync(file, 'r+')
      writeSync(other, Buffer.from([(CONTENT.at(-100) ?? 0) ^ 1]), 0, 1, CONTENT.length - 100)
      closeSync(other)
    })
    expect(sent.failure).toMatch(/the copy (was changed while it was read|is damaged)/)
    expect(content.length).toBeLessThan((part?.end ?? CONTENT.length) - (part?.start ?? 0))
    writeFileSync(file, CONTENT)
    closeSync(open.fd)
    open = openPlainFile(file) ?? open
  }
})

test.each(['dropped', 'linked elsewhere'])('a file that is %s while it is sent is sent to its end', async (what) => {
  const change = what === 'dropped' ? () => rmSync(file) : () => linkSync(file, `${file}.too`)
  const { sent } = await send({ isChecked: true, part: undefined }, change)
  expect(sent).toEqual({ bytes: CONTENT.length })
})

test.each(PARTS)('a file that is cut off while it is sent is no whole answer (%o)', async (part) => {
  const { sent } = await send({ isChecked: true, part }, () => truncateSync(file, CONTENT.length / 2))
  expect(sent.failure).toBe('the copy was cut off while it was read')
  expect(sent.bytes).toBeLessThanOrEqual(CONTENT.length / 2)
})
