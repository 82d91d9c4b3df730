import type { Clone } from '../../bulk/clone/clone.ts'
import type { BulkEvents } from '../../bulk/events.ts'
import { selectedClones } from '../../bulk/subdatasets.ts'
import type { Selection } from '../../bulk/wanted.ts'
import type { StoreErrorKind } from '../../core/errors.ts'
import type { Console } from '../console.ts'
import { commonExit, exitCodeOf } from '../exit-codes.ts'
import { Interrupted } from '../terminal.ts'
import { type BulkArgs, failureCode, requireKeys, requireRemote } from './options.ts'
import { bulkOutput, type Verb } from './output.ts'

/** What a command did in one clone. */
export interface BulkReport {
  readonly moved: number
  /** Of them all, in bytes. */
  readonly bytes: number
  readonly handedOver: number
  readonly failures: readonly StoreErrorKind[]
}

/**
 * Does `work` in each clone that the command line names, and tells what came of it all. One that
 * fails does not keep the others. Resolves with the exit code.
 */
export async function runBulk(
  console: Console,
  args: BulkArgs & { readonly from?: string | undefined; readonly to?: string | undefined },
  verb: Verb,
  work: (clone: Clone, selection: Selection, events: BulkEvents) => Promise<BulkReport>,
): Promise<number> {
  requireKeys(args.key ?? [])
  const output = bulkOutput(console, verb)
  let [moved, bytes, handedOver, clones] = [0, 0, 0, 0]
  const failures: StoreErrorKind[] = []
  const codes: number[] = []
  const fail = (error: unknown) => {
    const reason = console.signal.aborted ? console.signal.reason : error
    output.error(reason)
    codes.push(exitCodeOf(reason))
    return reason instanceof Interrupted
  }
  const selection = {
    paths: args.path,
    cwd: process.cwd(),
    matching: args.matching,
    all: args.all === true,
    keys: args.key ?? [],
  }
  try {
    for await (const selected of selectedClones(selection, args.recursive === true, console.signal)) {
      try {
        if (args.dryRun) requireRemote(selected.clone, args.from ?? args.to)
        const report = await work(selected.clone, selected.selection, output.events)
        moved += report.moved
        bytes += report.bytes
        handedOver += report.handedOver
        failures.push(...report.failures)
        clones += 1
      } catch (error) {
        if (fail(error)) break
      }
    }
  } catch (error) {
    fail(error)
  }
  const dryRun = args.dryRun === true
  if (clones > 0) output.summary({ dryRun, keys: moved, bytes, handedOver, failed: failures.length })
  return commonExit([...codes, failureCode(failures)])
}
