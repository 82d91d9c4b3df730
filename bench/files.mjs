/** Test data and directory trees. */
import { execFileSync } from 'node:child_process'
import { createCipheriv, createHash } from 'node:crypto'
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Small files per directory. */
export const GROUP = 50

/**
 * Bytes that do not compress and are the same in every run.
 * @param {string} seed
 * @returns {(length: number) => Buffer}
 */
export function randomBytes(seed) {
  const key = createHash('sha256').update(seed).digest()
  const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16))
  return (length) => cipher.update(Buffer.alloc(length))
}

/** @param {number} group @returns {string} path in the repository */
export const smallDirectory = (group) => `small/${String(group).padStart(3, '0')}`

/** @param {number} index @returns {string} path in the repository */
export const smallFile = (index) => `${smallDirectory(Math.floor(index / GROUP))}/${String(index).padStart(5, '0')}.dat`

/** Files of 1 to 10 KiB. @param {string} directory @param {number} count */
export function writeSmallFiles(directory, count) {
  const bytes = randomBytes('small')
  for (let index = 0; index < count; index++) {
    const path = join(directory, smallFile(index))
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, bytes(1024 + (bytes(4).readUInt32LE() % (9 * 1024 + 1))))
  }
}

/** @param {string} path @param {number} size bytes */
export function writeBigFile(path, size) {
  const bytes = randomBytes('big')
  const file = openSync(path, 'wx')
  try {
    for (let left = size; left > 0; left -= 8 * 1024 * 1024) writeSync(file, bytes(Math.min(left, 8 * 1024 * 1024)))
  } finally {
    closeSync(file)
  }
}

/** @param {string} directory @returns {number} regular files below it */
export function countFiles(directory) {
  if (!existsSync(directory)) return 0
  return readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length
}

/** git-annex takes the write permission from its directories. @param {string} path */
export function removeTree(path) {
  if (!existsSync(path)) return
  execFileSync('chmod', ['-R', 'u+w', path])
  rmSync(path, { recursive: true, force: true })
}
