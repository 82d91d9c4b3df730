import { findSevenZip } from '../../archive/seven-zip/find.ts'
import { findSevenZipOnServer } from '../../archive/seven-zip/find-on-server.ts'
import { INSTALL_HINT, tooOld } from '../../archive/seven-zip/version.ts'
import type { Findings, Outcome } from '../../core/finding.ts'
import type { CallOptions, Store } from '../../store/store.ts'
import { isTemporaryName } from '../../store/temporary.ts'

/** Less than this left is worth a word. Bytes. */
const LITTLE_BYTES = 1024 ** 3

/** Names younger than this may belong to somebody at work. ms. */
const STALE_MS = 24 * 3_600_000

/** A store may hold millions of files: so many are looked at, for so long at most (ms). */
const LOOK_AT_FILES = 20_000
const LOOK_FOR_MS = 5_000

/** Checks what is around the files: space, 7z, what killed runs left. */
export async function checkSurroundings(findings: Findings, store: Store, call: CallOptions): Promise<void> {
  const warn = () => 'warning' as const
  await findings.check('free space', () => freeSpace(store, call), warn)
  await findings.check('7z', () => sevenZip(store, call), warn)
  await findings.check('leftovers', () => leftovers(store, call), warn)
}

async function freeSpace(store: Store, call: CallOptions): Promise<Outcome> {
  const bytes = await store.freeBytes('', call)
  if (bytes === undefined) return ['skipped', 'the store does not say how much is left']
  const why = `${(bytes / LITTLE_BYTES).toFixed(1)} GiB left`
  return [bytes === 0 ? 'unsafe' : bytes < LITTLE_BYTES ? 'warning' : 'ok', why]
}

async function sevenZip(store: Store, call: CallOptions): Promise<Outcome> {
  if (!store.traits.local) {
    const program = await findSevenZipOnServer(store, '', call)
    if (program?.isSafe) return ['ok', `the server runs ${program.name}`]
  }
  const here = await findSevenZip()
  if (here === undefined) return ['warning', `keys cannot be packed into archives: ${INSTALL_HINT}`]
  if (!here.isSafe) return ['warning', tooOld(here.path, here.version)]
  if (store.traits.local) return ['ok', `${here.name} packs archives`]
  if (!store.traits.exec) return ['ok', `${here.name} on this machine packs archives: the keys pass through it`]
  return [
    'ok',
    `the server runs no 7z that is new enough: ${here.name} on this machine packs archives, and the keys pass through it`,
  ]
}

async function leftovers(store: Store, call: CallOptions): Promise<Outcome> {
  const giveUpAt = performance.now() + LOOK_FOR_MS
  const before = Date.now() - STALE_MS
  const stale: string[] = []
  let looked = 0
  let all = true
  for await (const { path, mtimeMs = Number.POSITIVE_INFINITY } of store.list('', call)) {
    if (path.split('/').some(isTemporaryName) && mtimeMs < before) stale.push(path)
    looked += 1
    if (looked === LOOK_AT_FILES || performance.now() > giveUpAt) {
      all = false
      break
    }
  }
  const among = `${all ? '' : 'the first '}${looked} file${looked === 1 ? '' : 's'}`
  if (stale.length === 0) return ['ok', `no temporary files of killed runs among ${among}`]
  return [
    'warning',
    `${stale.length} temporary files of killed runs among ${among}, ${stale[0]} for one: they can be removed`,
  ]
}
