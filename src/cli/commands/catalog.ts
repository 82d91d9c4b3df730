import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheDirectory } from '../../core/cache-directory.ts'
import { ConfigError } from '../../core/errors.ts'
import { printable } from '../../core/printable.ts'
import { appendOnlyError, isAppendOnly } from '../../ria/layout/append-only.ts'
import { noStore } from '../../ria/layout/no-store.ts'
import { LAYOUT_FILE } from '../../ria/layout/paths.ts'
import { parseStoreUrl } from '../../ria/url.ts'
import { readRules } from '../../serve/access-file.ts'
import type { ContentOptions } from '../../serve/catalog/content-links.ts'
import { makeCatalogue } from '../../serve/catalog/make-catalogue.ts'
import { Shelf } from '../../serve/catalog/shelf.ts'
import { DatasetViews } from '../../serve/dataset-views.ts'
import { ViewsFor } from '../../serve/views.ts'
import { encodePath } from '../../store/common/http-wire.ts'
import { inBucket } from '../../store/location.ts'
import type { CallOptions, Store } from '../../store/store.ts'
import type { ArgsOf } from '../command.ts'
import type { Console } from '../console.ts'
import { EXIT } from '../exit-codes.ts'
import { type NamedStore, openNamedStore, parseStore } from '../open-store.ts'
import { ownPackage, version } from '../own-package.ts'
import { parseAge } from '../quantities.ts'
import type { CATALOG } from '../table/serve.ts'

type Args = ArgsOf<typeof CATALOG>

/** Where in a store its catalogue lies; the layout of RIA has nothing of that name. */
const IN_STORE = 'catalog/'

/** From the pages of a dataset in there to the top of the store. */
const TOP_OF_STORE = '../../../'

/** MiniSearch for browsers, as it lies in the package and in the source tree. */
const LIBRARY = ['dist/minisearch.js', 'node_modules/minisearch/dist/umd/index.js']

/** `riastore catalog` */
export async function run(console: Console, args: Args): Promise<number> {
  const [from, to] = args.place === undefined ? [undefined, args.store] : [args.store, args.place]
  if (to === undefined) throw new ConfigError('where to? Give a directory, or the URL of a store')
  const call = { signal: console.signal }
  const urls = urlsOf(args)
  const names = await namesOf(args.access)
  const source = await parseStore(from)
  if (source.dataset !== undefined && !source.ofClone)
    throw new ConfigError(`a catalogue is of a whole store: leave #${source.dataset} away`)
  const place = await parseStore(to, { forWriting: true })
  if (place.dataset !== undefined)
    throw new ConfigError(`a catalogue is of a whole store: leave #${place.dataset} away`)
  const links = await linksTo(source, args.presign, call)
  const opened: Store[] = []
  const open = async (named: NamedStore) => {
    const store = await openNamedStore(named)
    opened.push(store)
    return store
  }
  const all = new DatasetViews(await open(source), cacheDirectory())
  try {
    const target = await open(place)
    const shelf = await shelfIn(target, place, { ...call, dryRun: args.dryRun === true })
    const isInside = shelf.prefix !== '' && target.traits.root === all.store.traits.root
    const isPublic = isInside && args.presign === undefined
    const publicUrl = urls.publicUrl ?? (isPublic ? TOP_OF_STORE : undefined)
    const made = await makeCatalogue({
      ...call,
      views: new ViewsFor(all).reader(names, 403),
      shelf,
      content: { ...links?.content, serveUrl: urls.serveUrl, publicUrl },
      cloneUrl: urls.cloneUrl ?? cloneUrlOf(source, urls, isPublic),
      by: version(),
      library: await searchLibrary(),
      rebuild: args.rebuild === true,
      onProgress: (done, total) => console.progress.show({ label: 'datasets', done, total, unit: 'steps' }),
      onFailure: (error, { dataset }) => console.fail(error, { dataset }),
      onDataset: (report) => {
        const object = { type: 'dataset', action: 'catalog', dryRun: args.dryRun === true, ...report }
        if (report.written + report.removed === 0) console.emit(object)
        else console.report(object, () => printable(`${report.dataset}: ${sentence(report, args.dryRun)}`))
      },
    })
    console.progress.clear()
    const { untilMs, ...counts } = made
    const until = untilMs === undefined ? undefined : new Date(untilMs).toISOString()
    console.report({ type: 'summary', action: 'catalog', dryRun: args.dryRun === true, ...counts, until }, () => {
      const ending = until === undefined ? '' : `; its links work until ${until}`
      return printable(
        `${counts.datasets} ${counts.datasets === 1 ? 'dataset' : 'datasets'} in ${shelf.where}: ${sentence(made, args.dryRun)}${ending}`,
      )
    })
    return made.failed > 0 ? EXIT.failed : EXIT.done
  } finally {
    await all.close()
    await links?.close()
    for (const store of opened) await store.close()
  }
}

/** Undefined where it was not installed with the program. */
async function searchLibrary(): Promise<string | undefined> {
  const directory = ownPackage()?.directory
  if (directory === undefined) return undefined
  for (const file of LIBRARY) {
    const text = await readFile(join(directory, file), 'utf8').catch(() => undefined)
    if (text !== undefined) return text
  }
  return undefined
}

function sentence(
  { written, removed }: { readonly written: number; readonly removed: number },
  dryRun = false,
): string {
  const would = dryRun ? ' would be' : ''
  return `${written} pages${would} written, ${removed}${would} removed`
}

/** What everybody may read by an access file. Throws ConfigError. */
async function namesOf(file: string | undefined): Promise<readonly string[]> {
  if (file === undefined) return ['*']
  const rules = await readRules(file)
  if (rules === undefined) throw new ConfigError(`there is no ${file}`)
  return rules.public
}

interface Urls {
  readonly serveUrl: string | undefined
  readonly publicUrl: string | undefined
  readonly cloneUrl: string | undefined
}

/** Throws ConfigError. */
function urlsOf({ serveUrl, publicUrl, cloneUrl }: Args): Urls {
  if (cloneUrl !== undefined) parseStoreUrl(cloneUrl)
  return { serveUrl: webUrl('serve-url', serveUrl), publicUrl: webUrl('public-url', publicUrl), cloneUrl }
}

/** With a slash at its end. Throws ConfigError. */
function webUrl(name: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isPlain = url && /^https?:$/.test(url.protocol) && url.search + url.hash + url.username + url.password === ''
  if (!isPlain) throw new ConfigError(`--${name} is no https:// or http:// URL without a login, ? and #`)
  return `${url.href.replace(/\/+$/, '')}/`
}

/** How readers of the pages can clone from the store, as far as that can be told. */
function cloneUrlOf({ location, shown }: NamedStore, { serveUrl, publicUrl }: Urls, isPublic: boolean): string {
  const web = serveUrl ?? publicUrl
  if (web !== undefined) return `ria+${web}`
  if (location.scheme === 'file') return `ria+file://${encodePath(location.path)}`
  return isPublic && inBucket(location) !== undefined ? shown.replace(/^ria\+s3\+/, 'ria+') : shown
}

/** Throws ConfigError for a place that can have no catalogue, and StoreError. */
async function shelfIn(
  store: Store,
  { location }: NamedStore,
  options: CallOptions & { readonly dryRun: boolean },
): Promise<Shelf> {
  if (!store.traits.writable) throw new ConfigError(`nothing can be written to ${store.traits.root}`)
  const isStore = (await store.stat(LAYOUT_FILE, options)) !== undefined
  if (!isStore && location.scheme !== 'file') throw noStore(store)
  if (isStore && (await isAppendOnly(store, undefined, options))) throw appendOnlyError(store, 'catalog')
  return new Shelf(store, isStore ? IN_STORE : '', options)
}

interface SignedLinks {
  readonly content: ContentOptions & { readonly lifeMs: number; readonly pictureUrls: readonly string[] }
  close(): Promise<void>
}

/** Undefined where no links are to be signed. Throws ConfigError, and StoreError. */
async function linksTo(
  { location, settings }: NamedStore,
  presign: string | undefined,
  call: CallOptions,
): Promise<SignedLinks | undefined> {
  if (presign === undefined) return undefined
  const bucket = inBucket(location)
  if (bucket === undefined)
    throw new ConfigError('--presign is for stores in S3 only (ria+s3+http://, ria+s3+https://)')
  const { MAX_LINK_MS, openS3Links } = await import('../../store/s3/presign.ts')
  const lifeMs = parseAge('presign', presign)
  if (lifeMs < 1000 || lifeMs > MAX_LINK_MS) throw new ConfigError('--presign has to be from 1s to 7d')
  const links = openS3Links({ ...settings.s3, git: settings.git, ...bucket })
  const sign = async (path: string, fileName: string) => {
    const { url, expires } = await links.linkTo(path, { ...call, lifeMs, fileName })
    return { url, untilMs: expires?.getTime() }
  }
  try {
    const { url } = await sign(LAYOUT_FILE, LAYOUT_FILE)
    return { content: { presign: sign, lifeMs, pictureUrls: [url] }, close: () => links.close() }
  } catch (error) {
    await links.close()
    throw error
  }
}
