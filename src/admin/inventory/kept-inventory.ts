import { createHash } from 'node:crypto'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { cacheDirectory } from '../../core/cache-directory.ts'
import { codeOf, messageOf } from '../../core/errors.ts'
import { temporaryName } from '../../store/temporary.ts'

/** What was counted of all datasets of a store. Nothing that deletes may ask for it. */
export interface Inventory {
  /** When the counting began, in ms since 1970: what came later may be missing. */
  readonly countedMs: number
  /** An object for each dataset, as it was given. */
  readonly datasets: readonly unknown[]
  /** What belongs to no dataset, as it was given. */
  readonly store: unknown
}

/** Of the format. A file of another one is not read. */
const VERSION = 1

/** Where the inventory of a store is kept, by its URL, or path, without a password. */
export function inventoryFile(root: string): string {
  const name = createHash('sha256').update(root).digest('hex').slice(0, 40)
  return join(cacheDirectory(), 'inventory', `${name}.jsonl`)
}

/**
 * The inventory of a store that was kept on this machine, if it is no older than `maxAgeMs`.
 * Undefined when there is none, when it is not whole, or of a time that is yet to come.
 */
export async function readInventory(root: string, maxAgeMs: number): Promise<Inventory | undefined> {
  const datasets: unknown[] = []
  let countedMs: number | undefined
  const handle = await open(inventoryFile(root)).catch(() => undefined)
  if (handle === undefined) return undefined
  try {
    for await (const line of handle.readLines()) {
      const found = JSON.parse(line)
      if (countedMs === undefined) {
        if (found.inventory !== VERSION || found.root !== root || typeof found.countedMs !== 'number') return undefined
        const age = Date.now() - found.countedMs
        if (age < 0 || age > maxAgeMs) return undefined
        countedMs = found.countedMs
      } else if (found.end === undefined) datasets.push(found)
      else return found.end === datasets.length ? { countedMs, datasets, store: found.store } : undefined
    }
  } catch {
    return undefined // it is no inventory
  } finally {
    await handle.close()
  }
  return undefined
}

/**
 * Keeps the inventory of a store, in place of the one before. Returns why that was not possible, in
 * one line.
 */
export async function keepInventory(root: string, inventory: Inventory): Promise<string | undefined> {
  const file = inventoryFile(root)
  const temporary = join(dirname(file), temporaryName())
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    const handle = await open(temporary, 'wx', 0o600)
    try {
      const { countedMs, datasets, store } = inventory
      await handle.write(`${JSON.stringify({ inventory: VERSION, root, countedMs })}\n`)
      for (let at = 0; at < datasets.length; at += 1000) {
        const lines = datasets.slice(at, at + 1000).map((each) => `${JSON.stringify(each)}\n`)
        await handle.writeFile(lines.join(''))
      }
      await handle.write(`${JSON.stringify({ end: datasets.length, store })}\n`)
    } finally {
      await handle.close()
    }
    await rename(temporary, file)
    return undefined
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {})
    return `${file} cannot be written: ${codeOf(error) ?? messageOf(error)}`
  }
}
