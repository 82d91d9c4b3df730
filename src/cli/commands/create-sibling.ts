import { resolve } from 'node:path'
import { ConfigError } from '../../core/errors.ts'
import { printable } from '../../core/printable.ts'
import { withoutPassword } from '../../core/secret.ts'
import { Dataset } from '../../setup/dataset.ts'
import type { SiblingResult } from '../../setup/sibling/create.ts'
import { createSiblings, type SiblingFailure, type SiblingSkip } from '../../setup/sibling/create-recursive.ts'
import type { SiblingOptions } from '../../setup/sibling/options.ts'
import type { ArgsOf } from '../command.ts'
import type { Console } from '../console.ts'
import { commonExit, EXIT, errorKind, exitCodeOf } from '../exit-codes.ts'
import { urlsOfName } from '../open-store.ts'
import { requestLog } from '../process-terminal.ts'
import type { CREATE_SIBLING } from '../table/create-sibling.ts'

type Args = ArgsOf<typeof CREATE_SIBLING>

/** `riastore create-sibling` */
export async function run(console: Console, args: Args): Promise<number> {
  const dataset = await Dataset.open(args.dataset ?? '.', { signal: console.signal })
  const log = requestLog()
  const told = (line: string) => (console.json ? console.note(line) : console.print(`  ${printable(line)}`))
  const call = {
    signal: console.signal,
    recursive: args.recursive === true,
    open: log === undefined ? {} : { log },
    tell: console.json && log === undefined ? undefined : told,
  }
  const codes: number[] = []
  const options = optionsOf(await withUrlsOfName(args))
  for await (const result of createSiblings(dataset, options, call)) {
    codes.push(result.status === 'error' ? exitCodeOf(result.error) : EXIT.done)
    report(console, args, result)
  }
  return commonExit(codes)
}

function report(console: Console, { dryRun }: Args, result: SiblingResult | SiblingFailure | SiblingSkip): void {
  if (result.status === 'error') {
    const message = result.message.includes(result.path) ? result.message : `${result.path}: ${result.message}`
    const kind = errorKind(result.error)
    console.emit({ type: 'error', kind, message, exitCode: exitCodeOf(result.error), path: result.path })
    console.complain(message)
    return
  }
  const names = 'id' in result && { dataset: result.id, aliases: result.alias === undefined ? [] : [result.alias] }
  const object = { type: 'sibling', action: 'create-sibling', dryRun: dryRun === true, ...names, ...result }
  console.emit(object)
  if (result.status === 'notneeded') {
    console.print(printable(`${result.path}: ${'id' in result ? 'nothing to do: ' : ''}${result.message}`))
  } else {
    if (dryRun) for (const step of result.steps) console.print(printable(`  would ${step}`))
    console.print(printable(`${result.path}: ${dryRun ? 'would be set up' : 'set up'} in ${result.stored}`))
  }
}

/** A name for a store is recorded as what it stands for: others do not have it. */
async function withUrlsOfName(args: Args): Promise<Args> {
  const named = await urlsOfName(args.store)
  return named === undefined ? args : { ...args, store: named.url, pushUrl: args.pushUrl ?? named.pushUrl }
}

function optionsOf({ store, pushUrl, ...args }: Args): SiblingOptions {
  const { name, storageName, alias, postUpdateHook, shared, group } = args
  const { storageSibling, existing, newStoreOk, trustLevel, dryRun } = args
  return {
    name,
    url: storeUrl(store),
    pushUrl: pushUrl === undefined ? undefined : storeUrl(pushUrl),
    storageName,
    alias,
    postUpdateHook,
    shared,
    group,
    storageSibling,
    existing,
    newStoreOk,
    trustLevel,
    dryRun,
  }
}

/**
 * What is recorded has to be a URL; git's insteadOf may make one of anything that looks like one.
 */
function storeUrl(store: string): string {
  if (store.startsWith('ria+') || /^[\w.+-]+:/.test(store)) {
    if (store.includes('#')) throw new ConfigError(`${withoutPassword(store)} names a dataset: leave #… away`)
    return store
  }
  if (store === '') throw new ConfigError('the store has an empty name')
  return `ria+file://${resolve(store).replace(/[%?#\s]/g, encodeURIComponent)}`
}
