/**
 * The messages of the kernel's FUSE protocol, of what a folder for reading needs. All numbers are
 * in the byte order of the machine: node runs on none that is not little-endian.
 * Source: linux/fuse.h, version 7.31.
 */

import { OPCODE } from './opcodes.ts'

/** What the kernel sends. */
export interface Request {
  readonly opcode: number
  /** The answer has the same. */
  readonly unique: bigint
  readonly node: number
  readonly body: Buffer
}

/** What is known of a file, link or directory. */
export interface Attributes {
  readonly node: number
  readonly kind: 'file' | 'link' | 'directory'
  /** Permissions, POSIX. */
  readonly mode: number
  /** Bytes. */
  readonly size: number
  /** ms since 1970. */
  readonly modifiedMs: number
}

/** Whose everything is. */
export interface Owner {
  readonly uid: number
  readonly gid: number
}

/** A file of a directory as `readdir` tells of it. */
export interface DirectoryEntry {
  readonly name: Buffer
  readonly node: number
  /** Undefined where it has to be looked up. */
  readonly kind: Attributes['kind'] | undefined
}

const IN_HEADER = 40
const OUT_HEADER = 16
const ATTRIBUTES = 88
const ENTRY = 40 + ATTRIBUTES
const DIRENT = 24
const BLOCK = 512

const FORMATS = { file: 0o100000, link: 0o120000, directory: 0o040000 } as const

/** For so long the kernel need not ask again: nothing here changes. Seconds. */
const VALID_SECONDS = 86_400n

/** Reads a request. Throws RangeError for what is none. */
export function parseRequest(bytes: Buffer): Request {
  if (bytes.length < IN_HEADER || bytes.readUInt32LE(0) !== bytes.length) throw new RangeError('this is no request')
  return {
    opcode: bytes.readUInt32LE(4),
    unique: bytes.readBigUInt64LE(8),
    node: Number(bytes.readBigUInt64LE(16)),
    body: Buffer.from(bytes.subarray(IN_HEADER)), // the reader uses its memory again
  }
}

/** The beginning of an answer whose rest is `length` bytes long. `errno`: why there is none. */
export function answerHeader(unique: bigint, length: number, errno = 0): Buffer {
  const header = Buffer.alloc(OUT_HEADER)
  header.writeUInt32LE(OUT_HEADER + length, 0)
  header.writeInt32LE(-errno, 4)
  header.writeBigUInt64LE(unique, 8)
  return header
}

/** The name that a lookup is for. */
export function parseName(body: Buffer): Buffer {
  const end = body.indexOf(0)
  return body.subarray(0, end < 0 ? body.length : end)
}

/** What the kernel forgets: nodes, and how often each was given to it. */
export function parseForget({
  opcode,
  node,
  body,
}: Request): readonly { readonly node: number; readonly times: number }[] {
  if (opcode === OPCODE.forget) return [{ node, times: Number(body.readBigUInt64LE(0)) }]
  return Array.from({ length: body.readUInt32LE(0) }, (_, i) => ({
    node: Number(body.readBigUInt64LE(8 + 16 * i)),
    times: Number(body.readBigUInt64LE(16 + 16 * i)),
  }))
}

/** Where `read` and `readdir` begin, and how many bytes they may return. */
export function parseRead(body: Buffer): { readonly handle: bigint; readonly offset: number; readonly size: number } {
  return {
    handle: body.readBigUInt64LE(0),
    offset: Number(body.readBigUInt64LE(8)),
    size: body.readUInt32LE(16),
  }
}

export interface InitRequest {
  readonly major: number
  readonly minor: number
  /** Bytes. */
  readonly maxReadahead: number
  readonly flags: number
}

export function parseInit(body: Buffer): InitRequest {
  return {
    major: body.readUInt32LE(0),
    minor: body.readUInt32LE(4),
    maxReadahead: body.length < 16 ? 0 : body.readUInt32LE(8),
    flags: body.length < 16 ? 0 : body.readUInt32LE(12),
  }
}

export interface InitAnswer {
  readonly minor: number
  readonly maxReadahead: number
  readonly flags: number
  /** Of one read. */
  readonly maxPages: number
  /** Bytes. */
  readonly maxWrite: number
  /** Requests that the kernel sends ahead of need. */
  readonly maxBackground: number
}

export function formatInit(answer: InitAnswer): Buffer {
  const bytes = Buffer.alloc(64)
  bytes.writeUInt32LE(7, 0)
  bytes.writeUInt32LE(answer.minor, 4)
  bytes.writeUInt32LE(answer.maxReadahead, 8)
  bytes.writeUInt32LE(answer.flags, 12)
  bytes.writeUInt16LE(answer.maxBackground, 16)
  bytes.writeUInt16LE(answer.maxBackground, 18) // when it is said to be busy
  bytes.writeUInt32LE(answer.maxWrite, 20)
  bytes.writeUInt32LE(1, 24) // times are told to the ns
  bytes.writeUInt16LE(answer.maxPages, 28)
  return bytes
}

/** The answer to `getattr`. `validSeconds`: as for `formatEntry`. */
export function formatAttributes(attributes: Attributes, owner: Owner, validSeconds = VALID_SECONDS): Buffer {
  const bytes = Buffer.alloc(16 + ATTRIBUTES)
  bytes.writeBigUInt64LE(validSeconds, 0)
  writeAttributes(bytes, 16, attributes, owner)
  return bytes
}

/** The answer to `lookup`. `validSeconds`: for so long the kernel need not ask again. */
export function formatEntry(attributes: Attributes, owner: Owner, validSeconds = VALID_SECONDS): Buffer {
  const bytes = Buffer.alloc(ENTRY)
  writeEntry(bytes, 0, attributes, owner, validSeconds)
  return bytes
}

/** The answer to `lookup` for what is not there. */
export function formatNoEntry(): Buffer {
  const bytes = Buffer.alloc(ENTRY)
  bytes.writeBigUInt64LE(VALID_SECONDS, 16)
  return bytes
}

/** The answer to `open` and `opendir`. */
export function formatOpen(handle: bigint, flags: number): Buffer {
  const bytes = Buffer.alloc(16)
  bytes.writeBigUInt64LE(handle, 0)
  bytes.writeUInt32LE(flags, 8)
  return bytes
}

/** The answer to `statfs`: in blocks of 4 KiB. Of a folder that is only read nothing is free. */
export function formatStatfs(
  size: { readonly blocks: number; readonly free: number } = { blocks: 0, free: 0 },
): Buffer {
  const bytes = Buffer.alloc(80)
  bytes.writeBigUInt64LE(BigInt(size.blocks), 0)
  bytes.writeBigUInt64LE(BigInt(size.free), 8)
  bytes.writeBigUInt64LE(BigInt(size.free), 16)
  bytes.writeUInt32LE(4096, 40)
  bytes.writeUInt32LE(255, 44)
  bytes.writeUInt32LE(4096, 48)
  return bytes
}

/** How long an entry of a directory is in an answer, in bytes. */
export function direntLength(name: Buffer, plus: boolean): number {
  return (plus ? ENTRY : 0) + Math.ceil((DIRENT + name.length) / 8) * 8
}

/** Writes an entry of a directory; `next` is the offset at which the one after it begins. */
export function writeDirent(bytes: Buffer, at: number, entry: DirectoryEntry, next: number): void {
  bytes.writeBigUInt64LE(BigInt(entry.node), at)
  bytes.writeBigUInt64LE(BigInt(next), at + 8)
  bytes.writeUInt32LE(entry.name.length, at + 16)
  bytes.writeUInt32LE(entry.kind === undefined ? 0 : FORMATS[entry.kind] >> 12, at + 20)
  entry.name.copy(bytes, at + DIRENT)
}

/** The same with what is known of it, for `readdirplus`. Without attributes it is not looked up. */
export function writeDirentPlus(
  bytes: Buffer,
  at: number,
  {
    entry,
    attributes,
    next,
  }: { readonly entry: DirectoryEntry; readonly attributes: Attributes | undefined; readonly next: number },
  owner: Owner,
): void {
  if (attributes !== undefined) writeEntry(bytes, at, attributes, owner)
  writeDirent(bytes, at + ENTRY, entry, next)
}

function writeEntry(
  bytes: Buffer,
  at: number,
  attributes: Attributes,
  owner: Owner,
  validSeconds = VALID_SECONDS,
): void {
  bytes.writeBigUInt64LE(BigInt(attributes.node), at)
  bytes.writeBigUInt64LE(validSeconds, at + 16)
  bytes.writeBigUInt64LE(validSeconds, at + 24)
  writeAttributes(bytes, at + 40, attributes, owner)
}

function writeAttributes(bytes: Buffer, at: number, attributes: Attributes, { uid, gid }: Owner): void {
  const { node, kind, mode, size, modifiedMs } = attributes
  const seconds = Math.floor(modifiedMs / 1000)
  const nanoseconds = Math.floor((modifiedMs - seconds * 1000) * 1e6)
  bytes.writeBigUInt64LE(BigInt(node), at)
  bytes.writeBigUInt64LE(BigInt(size), at + 8)
  bytes.writeBigUInt64LE(BigInt(Math.ceil(size / BLOCK)), at + 16)
  for (const time of [24, 32, 40]) bytes.writeBigInt64LE(BigInt(seconds), at + time)
  for (const rest of [48, 52, 56]) bytes.writeUInt32LE(nanoseconds, at + rest)
  bytes.writeUInt32LE(FORMATS[kind] | mode, at + 60)
  bytes.writeUInt32LE(kind === 'directory' ? 2 : 1, at + 64)
  bytes.writeUInt32LE(uid, at + 68)
  bytes.writeUInt32LE(gid, at + 72)
  bytes.writeUInt32LE(4096, at + 80)
}
