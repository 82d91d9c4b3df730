import { spawn } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { findSevenZip, INSTALL_HINT } from '../../archive/seven-zip-find.ts'
import { abortedError } from '../../core/abort.ts'
import { StoreError } from '../../core/errors.ts'
import { addArguments, checkEnd, removeArguments } from './seven-zip-call.ts'

interface CallOptions {
  readonly signal?: AbortSignal | undefined
  /** Between 0 and 1. */
  readonly onPart?: ((part: number) => void) | undefined
}

/** The 7z program of this machine at work on one archive. */
export class LocalSevenZip {
  readonly #archive: string
  readonly #list: string

  /** Absolute paths: of the archive, and of a file for lists of names. */
  constructor(archive: string, list: string) {
    this.#archive = archive
    this.#list = list
  }

  /** Adds files, named as they are below `cwd`. */
  add(
    names: readonly string[],
    { cwd, level, ...call }: CallOptions & { readonly cwd: string; readonly level: number },
  ) {
    return this.#run(addArguments({ archive: this.#archive, list: this.#list, level }), names, cwd, call)
  }

  remove(names: readonly string[], call: CallOptions = {}) {
    const words = removeArguments({ archive: this.#archive, list: this.#list })
    return this.#run(words, names, dirname(this.#archive), call)
  }

  /** Removes the archive and the list. Never rejects. */
  async discard(): Promise<void> {
    for (const file of [this.#list, this.#archive, `${this.#archive}.tmp`])
      await rm(file, { force: true }).catch(() => {})
  }

  async #run(words: readonly string[], names: readonly string[], cwd: string, { signal, onPart }: CallOptions) {
    const program = await findSevenZip()
    if (program === undefined) {
      const message = `packing needs the 7-Zip program: ${INSTALL_HINT}`
      throw new StoreError({ kind: 'unsupported', op: 'archive', where: this.#archive, message })
    }
    await writeFile(this.#list, `${names.join('\n')}\n`)
    const child = spawn(program.path, words, {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, LC_ALL: 'C.UTF-8' },
    })
    let said = ''
    child.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-8_000)
    })
    child.stdout.on('data', (chunk: Buffer) => {
      const [, percent] = /.*?(\d+)%/s.exec(chunk.toString()) ?? []
      if (percent !== undefined) onPart?.(Number(percent) / 100)
    })
    const stop = () => child.kill('SIGKILL')
    signal?.addEventListener('abort', stop, { once: true })
    try {
      const code = await new Promise<number | undefined>((resolve, reject) => {
        child.on('error', reject)
        child.on('close', (result) => resolve(result ?? undefined))
      })
      if (signal?.aborted) throw abortedError('archive', this.#archive, signal)
      checkEnd(code, said, this.#archive)
    } finally {
      signal?.removeEventListener('abort', stop)
      await rm(this.#list, { force: true })
    }
  }
}
