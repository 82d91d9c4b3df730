import { randomBytes } from 'node:crypto'
import { isStoreError, type StoreError } from '../../core/errors.ts'
import { type Findings, type Outcome, type Verdict, verdictOf } from '../../core/finding.ts'
import { judgeClock } from '../../store/clock-skew.ts'
import { unwritable } from '../../store/unwritable.ts'
import type { Scratch } from './scratch.ts'

/**
 * Checks that files can be written. When they cannot because we may not, that is how it was meant,
 * perhaps.
 */
export function checkWritable(findings: Findings, scratch: Scratch): Promise<boolean> {
  const ifDenied = (error: StoreError): Verdict => (error.kind === 'denied' ? 'warning' : verdictOf(error))
  const write = async (): Promise<Outcome> => {
    const path = scratch.path('written')
    await scratch.put(path, 'written').catch((error: unknown) => {
      // A server with nothing but SFTP does not say why a directory was not made.
      throw isStoreError(error, 'missing') && !scratch.makeRoot ? error : unwritable(scratch.store, error)
    })
    const stat = await scratch.store.stat(path, scratch.call)
    if (stat?.size !== 7) return ['unsafe', 'a file that was just stored is not there as it was']
    return ['ok', 'a file was stored and is there']
  }
  return findings.check('writable', write, ifDenied)
}

/**
 * Checks by use what every store has to do with files. `largeBytes`: the size of the file that is
 * read back.
 */
export async function checkFiles(
  findings: Findings,
  scratch: Scratch,
  largeBytes: number,
  parts: boolean,
): Promise<void> {
  const large = randomBytes(largeBytes)
  const file = scratch.path('large')
  const readBack = parts ? 'multipart upload' : 'read-back'
  const stored = await findings.check(readBack, async () => {
    await scratch.put(file, large)
    if (!(await scratch.read(file)).equals(large)) return ['unsafe', 'what was read is not what was stored']
    return ['ok', `${largeBytes} bytes${parts ? ', in parts,' : ''} came back as they were`]
  })
  if (stored) await findings.check('ranges', () => readRanges(scratch, file, large))
  else findings.add('ranges', ['skipped', 'there is no file to read from'])
  await findings.check('replacing', () => replace(scratch))
  await findings.check('listing', () => list(scratch, scratch.path('written')))
  await findings.check('moving', () => move(scratch))
  await findings.check('removing', () => remove(scratch))
  await findings.check('clock', () => compareClocks(scratch))
}

async function readRanges(scratch: Scratch, file: string, content: Buffer): Promise<Outcome> {
  const { length } = content
  const middle = Math.floor(length / 2)
  for (const [start, end] of [
    [0, 1],
    [middle, middle + 1000],
    [length - 10, length],
  ] as const) {
    const part = await scratch.read(file, { range: { start, end } })
    if (!part.equals(content.subarray(start, end)))
      return ['unsafe', `bytes ${start} to ${end} are others than were stored`]
  }
  return scratch.store.traits.rangeReads
    ? ['ok', 'parts of a file can be read']
    : ['warning', 'parts of a file cost as much as all of it: keys in archives are slow to get']
}

async function replace(scratch: Scratch): Promise<Outcome> {
  const path = scratch.path('replaced')
  const before = await scratch.put(path, 'old')
  await scratch.put(path, 'newer')
  if ((await scratch.read(path)).toString() !== 'newer')
    return ['unsafe', 'after a file was replaced the old one was read']
  const late = await scratch.read(path, { ifMatch: before.identity }).then(
    () => false,
    (error: unknown) => isStoreError(error, 'conflict'),
  )
  return late ? ['ok', 'readers of the old file are told'] : ['unsafe', 'who began to read the old file is not told']
}

async function list(scratch: Scratch, file: string): Promise<Outcome> {
  const found: string[] = []
  for await (const { path } of scratch.store.list(scratch.directory, scratch.call)) found.push(path)
  if (!found.includes(file)) return ['unsafe', 'a file that is there is not listed']
  return ['ok', 'a file that is there is listed']
}

async function move(scratch: Scratch): Promise<Outcome> {
  const [from, to] = [scratch.path('from'), scratch.path('to')]
  await scratch.put(from, 'moved')
  await scratch.store.move(from, to, scratch.call)
  const left = await scratch.store.stat(from, scratch.call)
  if (left !== undefined || (await scratch.read(to)).toString() !== 'moved') return ['unsafe', 'a file did not arrive']
  return ['ok', 'a file got another name']
}

async function remove(scratch: Scratch): Promise<Outcome> {
  const path = scratch.path('removed')
  await scratch.put(path, 'removed')
  await scratch.store.remove(path, scratch.call)
  if ((await scratch.store.stat(path, scratch.call)) !== undefined) return ['unsafe', 'a removed file is still there']
  return ['ok', 'a removed file is known to be gone']
}

async function compareClocks(scratch: Scratch): Promise<Outcome> {
  const path = scratch.path('clock')
  const began = Date.now()
  await scratch.put(path, 'now')
  const ended = Date.now()
  return judgeClock((await scratch.store.stat(path, scratch.call))?.mtimeMs, began, ended)
}
