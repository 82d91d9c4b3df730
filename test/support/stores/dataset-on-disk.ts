import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { keyFileName } from '../../../src/core/key.ts'
import { placesOf } from '../../../src/ria/layout/places.ts'
import { openLocalStore } from '../../../src/store/local/local.ts'
import type { Store } from '../../../src/store/store.ts'
import { runOk } from '../programs/run.ts'
import { DIRECTORY } from './memory-dataset.ts'
import { temporaryDirectory } from './stores.ts'

/** A store on disk with one dataset, looked at as files. */
export interface DatasetOnDisk {
  readonly store: Store
  readonly root: string
  /** Absolute path of something in the dataset. */
  file(path: string): string
  /** Stores a key as any client would have left it; gives its name. */
  addKey(content: string | Uint8Array, options?: KeyOptions): Promise<string>
  /** Where a key lies loose, absolute. */
  looseFile(key: string, which?: number): string
  isLoose(key: string): boolean
  tombstone(key: string): string
  dropped(): Promise<string[]>
  /** Names in the archive, by the 7z program itself, sorted. */
  members(): Promise<string[]>
  /** A member's content, by the 7z program itself. */
  extract(key: string): Promise<Buffer>
  /** What lies in archives/, sorted. */
  archives(): Promise<string[]>
  remove(): Promise<void>
}

export interface KeyOptions {
  /** Default: MD5E with the content's own checksum. */
  readonly key?: string
  readonly ageMs?: number
  /** Which of the key's places; default the first. */
  readonly which?: number
}

export async function datasetOnDisk({ version = '2', config = '' } = {}): Promise<DatasetOnDisk> {
  const directory = await temporaryDirectory()
  const root = join(directory.path, 'store')
  const file = (path: string) => join(root, DIRECTORY, path)
  await mkdir(file('archives'), { recursive: true })
  await mkdir(file('annex/objects'), { recursive: true })
  await writeFile(join(root, 'ria-layout-version'), '1\n')
  await writeFile(file('ria-layout-version'), `${version}\n`)
  await writeFile(file('config'), config)
  const looseFile = (key: string, which = 0) => file(`annex/objects/${placesOf(key, version)[which]}`)
  const archive = file('archives/archive.7z')
  return {
    store: openLocalStore({ root }),
    root,
    file,
    looseFile,
    async addKey(content, options = {}) {
      const bytes = Buffer.from(content)
      const key = options.key ?? keyOf(bytes)
      const path = looseFile(key, options.which)
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, bytes)
      const time = new Date(Date.now() - (options.ageMs ?? 0))
      await utimes(path, time, time)
      return key
    },
    isLoose: (key) => placesOf(key, version).some((_place, which) => existsSync(looseFile(key, which))),
    tombstone: (key) => file(`archives/dropped/${keyFileName(key)}`),
    dropped: async () => (existsSync(file('archives/dropped')) ? (await readdir(file('archives/dropped'))).sort() : []),
    async members() {
      if (!existsSync(archive)) return []
      const { stdout } = await runOk('7z', ['l', '-slt', '-ba', '-sccUTF-8', archive])
      return [...stdout.matchAll(/^Path = (.*)$/gm)].map(([, name = '']) => name).sort()
    },
    async extract(key) {
      const name = placesOf(key, version)[0] ?? ''
      const out = join(directory.path, 'out')
      await runOk('7z', ['x', '-y', '-spd', `-o${out}`, archive, name])
      return readFile(join(out, name))
    },
    archives: async () => (await readdir(file('archives'))).sort(),
    remove: directory.remove,
  }
}

export function keyOf(content: string | Uint8Array, extension = '.dat'): string {
  const bytes = Buffer.from(content)
  return `MD5E-s${bytes.length}--${createHash('md5').update(bytes).digest('hex')}${extension}`
}

/** Contents that differ from each other. */
export function contents(count: number, bytes = 300): Buffer[] {
  return Array.from({ length: count }, (_, i) => Buffer.concat([Buffer.from(`${i}:`), randomBytes(bytes + i)]))
}
