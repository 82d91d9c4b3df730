import { constants, copyFileSync, createReadStream, rmSync } from 'node:fs'
import { codeOf, StoreError } from '../../core/errors.ts'
import { parseKey } from '../../core/key.ts'
import { KeyTable } from '../../core/tables/key-table.ts'
import { toFsPath } from '../../core/text.ts'
import { AnnexPartials } from '../clone/annex-partials.ts'
import type { Clone } from '../clone/clone.ts'
import { DiskSpace } from '../clone/disk-space.ts'
import { localError } from '../clone/local-error.ts'
import { Placer } from '../clone/placer.ts'
import { syncFileSystem } from '../clone/sync.ts'
import { fillUnlockedFiles, type UnlockedFile, unlockedFiles } from '../clone/unlocked-files.ts'
import { WorkDirectory } from '../clone/work-directory.ts'
import type { BulkEvents } from '../events.ts'
import { checkedKey } from '../fetch.ts'
import { removeMergedRefs } from '../records/own-refs.ts'
import { Recorder } from '../records/recorder.ts'
import { Stage } from '../stage.ts'
import { STATE, States } from '../states.ts'

/** A key, and a file that has its content. */
export interface HeldKey {
  readonly key: string
  readonly file: string
}

/**
 * Gives a clone copies of contents that are on this machine, as content of its own: each is held
 * against its checksum once more, placed and recorded as by `getKeys`. What is no longer in its
 * file, or has no checksum, is left out. Resolves with how many were placed. Throws StoreError.
 */
export async function takeIn(clone: Clone, held: readonly HeldKey[], events: BulkEvents): Promise<number> {
  const placer = new Placer(clone)
  const table = new KeyTable()
  for (const { key } of held) table.add(key)
  await removeMergedRefs(clone)
  const work = WorkDirectory.open(clone.annexDirectory)
  let recorded = false
  try {
    for (const key of work.placedBefore) table.add(key)
    const states = new States()
    for (let number = 0; number < table.size; number++) states.set(number, STATE.skipped)
    for (const key of work.placedBefore) {
      if (placer.find(parseKey(key)) !== undefined) states.set(table.add(key), STATE.placed)
    }
    const stage = new Stage({ table, states, work, placer, events })
    for (const each of held) await copyIn(each, { clone, placer, table, states, work, stage })
    await stage.flush()
    await record(clone, { table, states, work }, events)
    const partials = new AnnexPartials(clone)
    work.leaveParts((key, file) => partials.leave(key, file))
    recorded = true
    return states.count(STATE.placed)
  } finally {
    work.close(recorded)
  }
}

interface Taking {
  readonly clone: Clone
  readonly placer: Placer
  readonly table: KeyTable
  readonly states: States
  readonly work: WorkDirectory
  readonly stage: Stage
}

async function copyIn({ key, file }: HeldKey, { clone, placer, table, states, work, stage }: Taking): Promise<void> {
  const checked = checkedKey(key)
  const number = table.add(key)
  if (checked === undefined || states.get(number) === STATE.placed || placer.find(checked.key) !== undefined) return
  if (!new DiskSpace(clone.annexDirectory, clone.config).take(checked.size)) {
    const message = `${key} would go into the reserve (annex.diskreserve)`
    throw new StoreError({ kind: 'full', op: 'put', where: clone.directory, message })
  }
  const copy = toFsPath(work.keyFile(key))
  try {
    copyFileSync(file, copy, constants.COPYFILE_FICLONE)
    const hasher = await checked.checksum.start()
    for await (const chunk of createReadStream(copy)) hasher.update(chunk)
    if (hasher.hex() === checked.checksum.expected) {
      states.set(number, STATE.staged)
      await stage.add(number, 'mount')
      return
    }
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error instanceof StoreError ? error : localError(error, clone.directory)
  }
  rmSync(copy, { force: true })
}

async function record(
  clone: Clone,
  { table, states, work }: Pick<Taking, 'table' | 'states' | 'work'>,
  events: BulkEvents,
): Promise<void> {
  const placed = [...states.in(STATE.placed)]
  if (placed.length === 0) return
  await syncFileSystem(clone.annexDirectory)
  const recorder = new Recorder({ clone, work, table, uuid: clone.uuid })
  await recorder.prepare(placed)
  await recorder.commit(placed)
  const unlocked: UnlockedFile[] = []
  for await (const each of unlockedFiles(clone, table)) {
    if (states.get(each.number) === STATE.placed) unlocked.push(each)
  }
  const files = async function* () {
    yield* unlocked
  }
  await fillUnlockedFiles(clone, work, table, files(), events.onNote)
}
