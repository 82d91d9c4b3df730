import { isStoreError, StoreError } from '../core/errors.ts'
import { bufferSource } from '../core/source.ts'
import { readSmall } from '../store/read-small.ts'
import type { CallOptions, Store } from '../store/store.ts'
import { isTemporaryName, temporaryName } from '../store/temporary.ts'
import { unwritable } from '../store/unwritable.ts'
import { type AppendOnlyOptions, markAppendOnly } from './layout/append-only.ts'
import { isPutsRecord } from './layout/atomic-puts.ts'
import { LAYOUT_FILE, type LayoutVersion, parseLayoutVersion, STORE_VERSIONS } from './layout/paths.ts'

/** Where DataLad and we tell of errors, in stores that want to know. */
const ERROR_LOGS = 'error_logs'

const LAYOUT = '1\n'

/** No layout file is longer. Bytes. */
const SMALL_FILE_BYTES = 1024 * 1024

/**
 * The layout version of the store, or undefined when it is proven to have none. Throws StoreError,
 * `corrupt` for what is no layout version.
 */
export async function readStoreVersion(store: Store, call: CallOptions): Promise<LayoutVersion | undefined> {
  if ((await store.stat(LAYOUT_FILE, call)) === undefined) return undefined
  const content = await readSmall(store, LAYOUT_FILE, SMALL_FILE_BYTES, call)
  return parseLayoutVersion(content.toString(), whereOf(store, LAYOUT_FILE))
}

/**
 * Says whether a store is there, or nothing, so that one can be made. Throws StoreError: `conflict`
 * for a directory that holds anything else, `unsupported` for a store of a layout that we do not
 * know, or where nothing can be made.
 */
export async function findStore(store: Store, call: CallOptions): Promise<'store' | 'nothing'> {
  const found = await readStoreVersion(store, call)
  if (found !== undefined) {
    if (STORE_VERSIONS.includes(found.version)) return 'store'
    const message = `the store has layout version ${found.version}, and this program knows ${STORE_VERSIONS.join(' and ')}`
    throw refusal(store, 'unsupported', message, 'use')
  }
  if (!store.traits.writable)
    throw refusal(store, 'unsupported', 'nothing can be written there: make the store by another way')
  for await (const { path } of store.list('', call)) {
    if (path === LAYOUT_FILE) return findStore(store, call) // made just now
    if (path.startsWith(`${ERROR_LOGS}/`) || isPutsRecord(path) || path.split('/').some(isTemporaryName)) continue
    const message = `there is something else already (${path}): a store needs a place of its own`
    throw refusal(store, 'conflict', message)
  }
  return 'nothing'
}

/**
 * Makes a store where nothing is, and what is missing where one is. Nothing is ever replaced;
 * somebody who makes it at the same time is no error. `directories`: the backend has directories
 * apart from files. Returns whether it was us who made it.
 */
export async function makeStore(store: Store, directories: boolean, call: CallOptions): Promise<boolean> {
  const isNew = (await findStore(store, call)) === 'nothing'
  let made = false
  try {
    if (directories) await makeErrorLogs(store, isNew, call)
    if (!isNew) return false
    // Last of all: a program that finds it finds a whole store.
    made = await putNew(store, call)
  } catch (error) {
    throw unwritable(store, error)
  }
  const read = await readStoreVersion(store, call)
  if (read === undefined || !STORE_VERSIONS.includes(read.version)) {
    throw new StoreError({
      kind: 'corrupt',
      op: 'get',
      where: whereOf(store, LAYOUT_FILE),
      message: `${read?.version ?? 'nothing'} is there after ${LAYOUT.trim()} was stored`,
    })
  }
  return made
}

/** The same as `markAppendOnly`, for a store as a whole. Throws StoreError. */
export async function makeAppendOnly(store: Store, options: AppendOnlyOptions): Promise<boolean> {
  try {
    return await markAppendOnly(store, LAYOUT_FILE, options)
  } catch (error) {
    throw unwritable(store, error)
  }
}

async function putNew(store: Store, call: CallOptions): Promise<boolean> {
  const ifAbsent = store.traits.putIfAbsent === 'atomic'
  try {
    await store.put(LAYOUT_FILE, bufferSource(LAYOUT), { ...call, ifAbsent })
    return true
  } catch (error) {
    if (isStoreError(error, 'conflict')) return false
    throw error
  }
}

/**
 * A store has no call that makes a directory: one stays behind when its file goes. A user who may
 * only use a store need not make it.
 */
async function makeErrorLogs(store: Store, isNew: boolean, call: CallOptions): Promise<void> {
  const file = `${ERROR_LOGS}/${temporaryName()}`
  try {
    await store.put(file, bufferSource(''), { ...call, temporary: '' })
    await store.remove(file, call)
  } catch (error) {
    if (isNew || !isStoreError(error, 'denied')) throw error
  }
}

function refusal(store: Store, kind: 'conflict' | 'unsupported', message: string, op = 'make a store'): StoreError {
  return new StoreError({ kind, op, where: store.traits.root, message, sent: 'no' })
}

function whereOf({ traits }: Store, path: string): string {
  return `${traits.root}/${path}`
}
