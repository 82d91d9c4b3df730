import { listOfNames, type Names, type SevenZipCommand, sevenZipArguments } from '../../archive/seven-zip/arguments.ts'
import { sevenZipError } from '../../archive/seven-zip/words.ts'
import { StoreError } from '../../core/errors.ts'
import { archivesDirectory, fileNameOf, objectsDirectory } from '../../ria/layout/places.ts'
import type { CallOptions } from '../../store/store.ts'
import type { Builder, BuildOptions, Work } from './builder.ts'
import { archiveMode } from './readers.ts'
import { newArchiveBytes, requireFree } from './space.ts'

/**
 * Stands for the directory of archives in 7z's arguments: it may lie anywhere as seen from that of
 * the keys, which may be a link.
 */
const ARCHIVES = '@archives'

/**
 * Runs a program in $1, with the true place of the directory of archives in its arguments. What it
 * makes can be read by nobody else until it is finished.
 */
const RUN = `umask 077
here=$(pwd -P) && cd "$1" || exit 2
shift
for word; do
  case $word in
    ${ARCHIVES}/*) word=$here\${word#${ARCHIVES}} ;;
    -i@${ARCHIVES}/*) word=-i@$here\${word#-i@${ARCHIVES}} ;;
  esac
  shift
  set -- "$@" "$word"
done
exec "$@"`

/**
 * Builds where the store lies, on a server that has a shell and 7z: no key passes the network but
 * to be read back.
 */
export class ServerBuilder implements Builder {
  readonly kind = 'server'
  readonly missed = new Set<string>() // 7z does not tell
  readonly path: string
  readonly #work: Work
  readonly #program: string
  readonly #list: string
  readonly #archives: string

  constructor(work: Work, program: string) {
    this.#work = work
    this.path = work.temporary
    this.#program = program
    this.#list = `${work.temporary}.list`
    this.#archives = archivesDirectory(work.directory)
  }

  async checkSpace(call: CallOptions = {}): Promise<void> {
    const { store, drop, old } = this.#work
    const twice = drop.size > 0 ? (old?.size ?? 0) : 0
    await requireFree(store, this.#archives, newArchiveBytes(this.#work) + twice, call)
  }

  async build({ signal }: BuildOptions = {}): Promise<void> {
    const { store, directory, old, drop, add, level } = this.#work
    const call = { signal }
    if (old !== undefined) await this.#linkOld(call)
    if (drop.size > 0) await this.remove(drop, call)
    const [first] = add
    if (first === undefined) return
    // The store looks at the way there: the shell would follow any link.
    await store.stat(`${objectsDirectory(directory)}/${first.place}`, { ...call, strictLinks: true })
    await this.#writeList(add.places, call)
    const beside = (path: string) => `${ARCHIVES}/${fileNameOf(path)}`
    const command = { command: 'add', archive: beside(this.path), listFile: beside(this.#list), level } as const
    await this.#run(command, '../annex/objects', call)
  }

  async remove(members: Names, call: CallOptions = {}): Promise<void> {
    await this.#writeList(members, call)
    const [archive, listFile] = [fileNameOf(this.path), fileNameOf(this.#list)]
    await this.#run({ command: 'remove', archive, listFile }, '.', call)
  }

  async finish(call: CallOptions = {}): Promise<void> {
    const name = fileNameOf(this.path)
    const { sharing, permissions } = this.#work
    if (permissions !== undefined) {
      let mode = archiveMode(permissions, sharing)
      const given = await this.#exec(['chown', `${permissions.uid}:${permissions.gid}`, name], call)
      const shared = given === 0 || (await this.#exec(['chgrp', `${permissions.gid}`, name], call)) === 0
      if (!shared && (mode & 0o004) === 0) mode &= 0o707 // not for a group that it was not meant for
      await this.#must(['chmod', mode.toString(8).padStart(4, '0'), name], call)
    }
    const flushed = await this.#exec(['sync', name], call)
    if (flushed !== 0) await this.#exec(['sync'], call) // an older one flushes all, or nothing at all
  }

  async discard(): Promise<void> {
    for (const path of [this.#list, this.path]) await this.#work.store.remove(path).catch(() => {})
  }

  async #linkOld(call: CallOptions): Promise<void> {
    const name = fileNameOf(this.path)
    if ((await this.#exec(['ln', 'archive.7z', name], call)) !== 0) await this.#must(['cp', 'archive.7z', name], call)
  }

  async #writeList(names: Names, call: CallOptions): Promise<void> {
    await this.#work.store.put(this.#list, listOfNames(names), {
      ...call,
      within: this.#work.directory,
    })
  }

  /** `where` is relative to the directory of archives. */
  async #run(what: SevenZipCommand, where: string, call: CallOptions): Promise<void> {
    const { store } = this.#work
    // Names are UTF-8 whatever the account's locale is.
    const program = ['env', 'LC_ALL=C.UTF-8', this.#program, ...sevenZipArguments(what)]
    const command = ['sh', '-c', RUN, 'sh', where, ...program]
    const cwd = this.#archives
    const { code, stdout, stderr } = await store.exec(command, { ...call, cwd })
    // 1: a file could not be read; which one is seen in what it made.
    if (code === 0 || (code === 1 && what.command === 'add')) return
    const ended = { result: code, lines: stdout.toString().split(/[\r\n\b]+/), errors: stderr }
    throw sevenZipError('archive', `${store.traits.root}/${this.path}`, this.#program, ended)
  }

  async #must(command: readonly string[], call: CallOptions): Promise<void> {
    const { code, stderr } = await this.#work.store.exec(command, { ...call, cwd: this.#archives })
    if (code === 0) return
    const where = `${this.#work.store.traits.root}/${this.path}`
    const message = `${command[0]} ended with exit code ${code}: ${stderr}`
    throw new StoreError({ kind: 'denied', op: 'archive', where, message })
  }

  async #exec(command: readonly string[], call: CallOptions): Promise<number> {
    return (await this.#work.store.exec(command, { ...call, cwd: this.#archives })).code
  }
}
