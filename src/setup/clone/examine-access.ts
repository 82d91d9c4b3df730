import { ConfigError, isStoreError, StoreError } from '../../core/errors.ts'
import type { Findings, Outcome } from '../../core/finding.ts'
import { bufferSource } from '../../core/source.ts'
import { datasetDirectory } from '../../ria/layout/paths.ts'
import { readLayout } from '../../ria/layout/read-layout.ts'
import { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { Sibling } from '../../ria/settings/siblings.ts'
import { siblingSettings } from '../../ria/settings/store-settings.ts'
import { judgeClock } from '../../store/clock-skew.ts'
import type { StoreLocation } from '../../store/location.ts'
import { type OpenSettings, openStore } from '../../store/open.ts'
import type { CallOptions, Store } from '../../store/store.ts'
import { temporaryName } from '../../store/temporary.ts'
import { unwritable } from '../../store/unwritable.ts'
import { judgeCredentials } from './judge-credentials.ts'
import { sshCredentials } from './ssh-credentials.ts'
import type { CloneState } from './state.ts'

export interface AccessOptions extends CallOptions {
  /** A store that does nothing for so long gives no answer. ms. */
  readonly stallMs: number
  readonly log?: OpenSettings['log']
}

/**
 * Asks the store of a storage sibling for the dataset, and writes a small file beside its keys,
 * which goes again. Throws only when it was told to stop.
 */
export async function examineAccess(
  findings: Findings,
  sibling: Sibling,
  { git, siblings }: Pick<CloneState, 'git' | 'siblings'>,
  options: AccessOptions,
): Promise<void> {
  const open = async (forWriting: boolean) => {
    const { location, settings } = await siblingSettings(sibling, { git, siblings }, forWriting)
    const stallMs = Math.min(settings.stallMs, options.stallMs)
    return { location, settings, store: await openStore(location, { ...settings, stallMs, log: options.log }) }
  }
  let reading: Awaited<ReturnType<typeof open>>
  try {
    directoryOf(sibling)
    reading = await open(false)
  } catch (error) {
    if (!(error instanceof ConfigError || error instanceof StoreError)) throw error
    findings.add('settings', ['failed', error.message])
    return
  }
  const { store, location, settings } = reading
  const separate = sibling.config instanceof Error ? undefined : sibling.config.pushUrl
  try {
    const isReadable = await canBeRead(findings, store, sibling, options)
    const asked = { location, settings, git, remote: sibling.name, env: process.env, isReadable }
    const found = 'target' in location ? await sshCredentials(location.target, process.env) : judgeCredentials(asked)
    if (found !== undefined) findings.add('credentials', found)
    if (isReadable && separate === undefined) await examineWriting(findings, reading, sibling, options)
  } finally {
    await store.close()
  }
  if (separate === undefined) return
  const writing = await open(true)
  try {
    await examineWriting(findings, writing, sibling, options)
  } finally {
    await writing.store.close()
  }
}

async function canBeRead(findings: Findings, store: Store, sibling: Sibling, call: CallOptions): Promise<boolean> {
  const look = async (): Promise<Outcome> => {
    const began = performance.now()
    const { readOnly } = await readLayout(datasetOf(store, sibling), { signal: call.signal })
    if (readOnly !== undefined) return ['warning', `treated as read-only: ${readOnly}`]
    return [
      'ok',
      `${store.traits.root} has the dataset, and answered within ${Math.ceil(performance.now() - began)} ms`,
    ]
  }
  await findings.check('reachable', look, () => 'failed')
  return findings.all.at(-1)?.result !== 'failed'
}

async function examineWriting(
  findings: Findings,
  { store }: { readonly store: Store; readonly location: StoreLocation },
  sibling: Sibling,
  { signal }: CallOptions,
): Promise<void> {
  if (!store.traits.writable) {
    const setting = `remote.${sibling.name}.ora-push-url`
    findings.add('writable', ['ok', `for reading only: ${setting} would name a URL to write through`])
    return
  }
  const { directory } = datasetOf(store, sibling)
  const path = `${directory}/${temporaryName()}`
  let clock: Outcome = ['skipped', 'nothing could be written']
  const write = async (): Promise<Outcome> => {
    const began = Date.now()
    try {
      await store.put(path, bufferSource('written'), { signal, temporary: directory, within: directory })
    } catch (error) {
      throw unwritable(store, error, directory)
    }
    clock = judgeClock((await store.stat(path, { signal }))?.mtimeMs, began, Date.now())
    return ['ok', 'a file was stored beside its keys, and is removed again']
  }
  try {
    await findings.check('writable', write, ({ kind }) => (kind === 'denied' ? 'warning' : 'failed'))
    findings.add('clock', clock)
  } finally {
    // Also when it seemed to fail, or when we were told to stop: it may be there.
    await store.remove(path).catch((error: unknown) => {
      if (!isStoreError(error, 'denied', 'missing', 'unreachable')) throw error
    })
  }
}

function datasetOf(store: Store, sibling: Sibling): StoredDataset {
  return new StoredDataset(store, directoryOf(sibling), sibling.committed['archive-id'])
}

/** Throws ConfigError. */
function directoryOf({ name, committed }: Sibling): string {
  const id = committed['archive-id']
  if (!id) throw new ConfigError(`no archive-id is configured: run git annex enableremote ${name}`)
  return datasetDirectory(id)
}
