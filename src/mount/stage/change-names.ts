import { constants } from 'node:fs'
import * as fs from 'node:fs/promises'
import { codeOf } from '../../core/errors.ts'
import { decode, toFsPath } from '../../core/text.ts'
import { parseNames } from '../fuse/changes.ts'
import { parseName, type Request } from '../fuse/messages.ts'
import { FuseError, NO_REPLACE, OPCODE } from '../fuse/opcodes.ts'
import type { Names } from './names.ts'
import type { WorkTree } from './work-tree.ts'

/** What belongs to git. */
export const HIDDEN = '.git'

/** Which file a name is of, for node's file functions. Throws FuseError. */
export type PathAt = (parent: number, name: string) => string | Buffer

/**
 * Changes which names there are in a work tree, as the kernel asks. Resolves with a new name, which
 * the kernel wants to be told of; undefined: there is none. Throws FuseError, and what the system
 * says.
 */
export async function changeNames(
  request: Request,
  { tree, names, pathAt }: { readonly tree: WorkTree; readonly names: Names; readonly pathAt: PathAt },
): Promise<string | undefined> {
  const { opcode, node, body } = request
  const at = (name: Buffer | undefined) => pathAt(node, nameOf(name))
  switch (opcode) {
    case OPCODE.mkdir: {
      const [name] = parseNames(body, 8)
      await fs.mkdir(at(name), body.readUInt32LE(0) & 0o777)
      return nameOf(name)
    }
    case OPCODE.mknod: {
      const [name] = parseNames(body, 16)
      const mode = body.readUInt32LE(0)
      if ((mode & constants.S_IFMT) !== constants.S_IFREG) throw new FuseError('EPERM')
      await fs.writeFile(at(name), '', { mode: mode & 0o777, flag: 'wx' })
      return nameOf(name)
    }
    case OPCODE.symlink: {
      const [name, target] = parseNames(body, 0)
      await fs.symlink(toFsPath(decode(target ?? Buffer.alloc(0))), at(name))
      return nameOf(name)
    }
    case OPCODE.link:
      throw new FuseError('EPERM') // git has none: link(2) says that of a file system without them
    case OPCODE.unlink:
    case OPCODE.rmdir: {
      const name = nameOf(parseName(body))
      const path = pathAt(node, name)
      await tree.changeNames(() => (opcode === OPCODE.unlink ? fs.unlink(path) : fs.rmdir(path)))
      names.removed(node, name)
      return undefined
    }
    case OPCODE.rename:
    case OPCODE.rename2: {
      const isPlain = opcode === OPCODE.rename
      const [name, toName] = parseNames(body, isPlain ? 8 : 16)
      const from = { parent: node, name: nameOf(name) }
      const to = { parent: Number(body.readBigUInt64LE(0)), name: nameOf(toName) }
      const flags = isPlain ? 0 : body.readUInt32LE(8)
      if ((flags & ~NO_REPLACE) !== 0) throw new FuseError('EINVAL') // also two that are exchanged
      const [path, target] = [pathAt(from.parent, from.name), pathAt(to.parent, to.name)]
      await tree.changeNames(async () => {
        if (flags === NO_REPLACE && (await isThere(target))) throw new FuseError('EEXIST')
        await fs.rename(path, target)
        names.moved(from.parent, from.name, to.parent, to.name)
      })
      return undefined
    }
    default:
      throw new FuseError('ENOSYS')
  }
}

/** Throws FuseError for none. */
export function nameOf(name: Buffer | undefined): string {
  if (name === undefined || name.length === 0) throw new FuseError('EINVAL')
  return decode(name)
}

/**
 * Whether there is something of that name. Throws what stands in the way of a look: then nobody
 * knows.
 */
export async function isThere(path: string | Buffer, look: (path: string | Buffer) => Promise<unknown> = fs.lstat) {
  try {
    await look(path)
    return true
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false
    throw error
  }
}
