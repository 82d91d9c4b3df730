import type { Stats } from 'ssh2'
import { type Access, aliasTarget, MAX_LINKS, requireTrusted, tooManyLinks } from '../common/links.ts'
import { isNoSuchFile } from './errors.ts'
import { ownUid } from './has-shell.ts'
import type { SftpSession } from './session.ts'

/**
 * Goes from the store's root to a path, a name at a time, and follows each link by our own rule
 * (links.ts). Returns what is there, undefined when that is proven absent. Throws StoreError
 * `denied` for a link that is not followed.
 */
export async function walkSftp(
  session: SftpSession,
  root: string,
  path: string,
  access: Access,
): Promise<Stats | undefined> {
  try {
    return await walk(session, root || '/', path === '' ? [] : path.split('/'), access)
  } catch (error) {
    if (isNoSuchFile(error)) return undefined
    throw error
  }
}

async function walk(
  session: SftpSession,
  root: string,
  path: readonly string[],
  access: Access,
): Promise<Stats | undefined> {
  const realRoot = await session.realpath(root)
  let here = realRoot
  let stats = await session.lstat(here)
  let links = 0
  const parts = [...path]
  for (let name = parts.shift(); name !== undefined; name = parts.shift()) {
    if (name === '' || name === '.') continue
    if (name === '..') {
      here = here.slice(0, here.lastIndexOf('/')) || '/'
      stats = await session.lstat(here)
      continue
    }
    const below: string = `${here === '/' ? '' : here}/${name}`
    const found = await session.lstat(below)
    if (!found.isSymbolicLink()) {
      here = below
      stats = found
      continue
    }
    const isAlias = links === 0 && path[0] === 'alias' && parts.length === path.length - 2
    if (++links > MAX_LINKS) throw tooManyLinks(access, below)
    const target = await session.readlink(below)
    const alias = isAlias ? aliasTarget(target, [root, realRoot]) : undefined
    if (alias === undefined) {
      const us = await ownUid(session)
      requireTrusted({ link: found.uid, directory: stats.uid, us }, access, below)
      // Somebody may have put another one there in between.
      const after = await session.lstat(below)
      requireTrusted({ link: after.uid, directory: stats.uid, us }, access, below)
    }
    parts.unshift(...(alias ?? target).split('/'))
    if (alias !== undefined) here = realRoot
    else if (target.startsWith('/')) here = '/'
    else continue
    stats = await session.lstat(here)
  }
  return stats
}
