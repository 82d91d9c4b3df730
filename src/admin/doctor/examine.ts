import { isStoreError, messageOf, StoreError } from '../../core/errors.ts'
import { type Finding, Findings, type Outcome } from '../../core/finding.ts'
import { describeUntil, saysAppendOnly } from '../../ria/layout/append-only.ts'
import { LAYOUT_FILE, STORE_VERSIONS } from '../../ria/layout/paths.ts'
import { readStoreVersion } from '../../ria/make-store.ts'
import { readSmall } from '../../store/read-small.ts'
import type { S3Probe } from '../../store/s3/probe.ts'
import type { CallOptions, Store } from '../../store/store.ts'
import { checkFiles, checkWritable } from './files.ts'
import { checkPutIfAbsent } from './race.ts'
import { checkBucket, checkChecksums } from './s3.ts'
import { Scratch } from './scratch.ts'
import { checkSurroundings } from './surroundings.ts'

export interface DoctorOptions {
  readonly signal?: AbortSignal | undefined
  /** For a store in S3. Its part size has to be less than PARTS_BYTES. */
  readonly probe?: S3Probe | undefined
  /** Called with each finding as it is made. */
  readonly report: (finding: Finding) => void
}

/** A file of this size has several parts at the least part size of S3. Bytes. */
const PARTS_BYTES = 6 * 1024 * 1024
const LARGE_BYTES = 256 * 1024

/**
 * Examines a store by using it. Files of its own lie below a temporary name in the store's root
 * meanwhile, and are removed; nothing else is changed. Throws only when it was told to stop.
 * Returns all findings.
 */
export async function examineStore(store: Store, options: DoctorOptions): Promise<readonly Finding[]> {
  const { signal, probe, report } = options
  const call = { signal }
  const findings = new Findings(report, signal)
  if (await isReachable(findings, store, call)) {
    const isStore = await findings.check('layout', () => layout(store, call))
    if (!isStore) findings.add('files', ['skipped', 'nothing is written where no store is that we know'])
    else if (!store.traits.writable) {
      findings.add('writable', ['ok', 'for reading only'])
      await findings.check('ranges', () => readPart(store, call))
    } else await useFiles(findings, store, options)
    if (store.traits.writable && isStore) await checkSurroundings(findings, store, call)
    if (probe !== undefined) await checkBucket(findings, probe, call)
  }
  return findings.all
}

/**
 * Before a store is made: only what nothing can be built on without. The root of the store is made
 * for it.
 */
export async function examinePlace(store: Store, options: DoctorOptions): Promise<readonly Finding[]> {
  const findings = new Findings(options.report, options.signal)
  const scratch = new Scratch(store, options.signal, { makeRoot: true })
  try {
    if (await checkWritable(findings, scratch))
      await checkPutIfAbsent(findings, scratch, whoIgnores(store, options.probe))
  } finally {
    await tidyUp(findings, scratch, options.probe)
  }
  return findings.all
}

async function useFiles(findings: Findings, store: Store, { signal, probe }: DoctorOptions): Promise<void> {
  const scratch = new Scratch(store, signal, { makeRoot: false })
  try {
    if (await checkWritable(findings, scratch)) {
      await checkPutIfAbsent(findings, scratch, whoIgnores(store, probe))
      await checkFiles(findings, scratch, probe === undefined ? LARGE_BYTES : PARTS_BYTES, probe !== undefined)
      if (probe !== undefined) await checkChecksums(findings, scratch, probe)
    } else findings.add('files', ['skipped', 'nothing could be written'])
  } finally {
    await tidyUp(findings, scratch, probe)
  }
}

function whoIgnores({ traits }: Store, probe: S3Probe | undefined): string {
  if (probe === undefined && traits.conditionalPuts) return 'the server ignores put-if-absent'
  return probe === undefined ? 'the file system ignores put-if-absent' : `${probe.host} ignores If-None-Match`
}

async function isReachable(findings: Findings, store: Store, call: CallOptions): Promise<boolean> {
  const look = async (): Promise<Outcome> => {
    const began = performance.now()
    const found = await store.stat(LAYOUT_FILE, call)
    const ms = Math.ceil(performance.now() - began)
    // A place that is not there looks like one with nothing in it, and somebody who mistyped takes
    // both for a store that is safe.
    if (found === undefined && !(await hasAnything(store, call))) {
      return ['failed', `there is nothing at ${store.traits.root}: no RIA store (riastore init makes one)`]
    }
    return ['ok', `${store.traits.root} answered within ${ms} ms`]
  }
  return findings.check('reachable', look, () => 'failed')
}

/** A web server lists nothing: what it has there cannot be told. */
async function hasAnything(store: Store, call: CallOptions): Promise<boolean> {
  try {
    for await (const _entry of store.list('', call)) return true
    return false
  } catch (error) {
    if (!isStoreError(error, 'unsupported')) throw error
    return true
  }
}

async function layout(store: Store, call: CallOptions): Promise<Outcome> {
  const found = await readStoreVersion(store, call)
  if (found === undefined) return ['failed', `there is no RIA store: no ${LAYOUT_FILE} (riastore init makes one)`]
  const { version, flags } = found
  if (!STORE_VERSIONS.includes(version)) {
    return ['unsafe', `layout version ${version}, and this program knows ${STORE_VERSIONS.join(' and ')}`]
  }
  return [
    'ok',
    `version ${version}${flags.includes('l') ? ', wants error logs' : ''}${saysAppendOnly(found) ? `, append-only${describeUntil(found)}` : ''}`,
  ]
}

async function readPart(store: Store, call: CallOptions): Promise<Outcome> {
  const part = await readSmall(store, LAYOUT_FILE, 1, { ...call, range: { start: 0, end: 1 } })
  if (part.toString() !== '1') return ['unsafe', 'the first byte of a file is another than the file begins with']
  return store.traits.rangeReads
    ? ['ok', 'parts of a file can be read']
    : ['warning', 'parts of a file cost as much as all of it: keys in archives are slow to get']
}

/** What cannot be removed is told, and where it is. */
async function tidyUp(findings: Findings, scratch: Scratch, probe: S3Probe | undefined): Promise<void> {
  try {
    await scratch.clear()
    if (probe !== undefined && (await mayKeepVersions(probe))) await probe.removeVersions(scratch.directory)
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    findings.add('tidying up', ['warning', `${scratch.directory} is left: ${messageOf(error)}`])
  }
}

/** An account that may not look finds out by trying. */
async function mayKeepVersions(probe: S3Probe): Promise<boolean> {
  try {
    return (await probe.versioning()) !== 'off'
  } catch {
    return false
  }
}
