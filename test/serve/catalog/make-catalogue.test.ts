import MiniSearch from 'minisearch'
import { beforeEach, describe, expect, test } from 'vitest'
import { ConfigError, StoreError } from '../../../src/core/errors.ts'
import { decode } from '../../../src/core/text.ts'
import { aliasFile } from '../../../src/ria/layout/alias-file.ts'
import { archivePath } from '../../../src/ria/layout/paths.ts'
import { type CatalogueOptions, type MadeDataset, makeCatalogue } from '../../../src/serve/catalog/make-catalogue.ts'
import { OPTIONS } from '../../../src/serve/catalog/search.ts'
import { Shelf } from '../../../src/serve/catalog/shelf.ts'
import { DatasetViews } from '../../../src/serve/dataset-views.ts'
import { ViewsFor } from '../../../src/serve/views.ts'
import { openMemoryStore } from '../../../src/store/memory.ts'
import type { PutOptions, Store } from '../../../src/store/store.ts'
import { copyArchive } from '../../support/archives/header-writer.ts'
import { annexLink, commitFiles } from '../../support/repos/memory-repository.ts'
import { CONTENT, DIRECTORY, ID, KEY, memoryStore, PLACE } from '../../support/stores/memory-dataset.ts'
import { paths, read, withMethods, write } from '../../support/stores/stores.ts'

const OTHER = '777/77777-7e85-11e6-904c-002590f97d84'
const OTHER_ID = OTHER.replace('/', '')
const HOSTILE = '<img src=x onerror=alert(1)><script>alert(1)<*script>'

let store: Store
/** Where the catalogue is written. */
let place: Store
let told: MadeDataset[]
let failures: unknown[]

interface Changes extends Partial<Omit<CatalogueOptions, 'views' | 'shelf'>> {
  readonly names?: readonly string[]
  readonly from?: Store
  readonly to?: Store
  readonly prefix?: string
  readonly dryRun?: boolean
}

async function make({ names = ['*'], from = store, to = place, prefix = '', dryRun = false, ...more }: Changes = {}) {
  told = []
  failures = []
  const all = new DatasetViews(from, undefined)
  try {
    return await makeCatalogue({
      views: new ViewsFor(all).reader(names, 403),
      shelf: new Shelf(to, prefix, { dryRun }),
      content: {},
      cloneUrl: 'ria+https://host/store',
      by: 'test',
      library: undefined,
      rebuild: false,
      onDataset: (dataset) => told.push(dataset),
      onFailure: (error) => failures.push(error),
      onProgress: () => {},
      ...more,
    })
  } finally {
    await all.close()
  }
}

const page = async (name: string) => (await read(place, name)).toString()
const written = () => told.filter((each) => each.written > 0).map(({ dataset }) => dataset)
/** The page to which the link with this text leads, seen from the page of a dataset. */
async function linked(from: string, text: string): Promise<string> {
  const [, href] = new RegExp(`<a href="([^"]+)"[^>]*>${text}</a>`).exec(await page(from)) ?? []
  return href ?? expect.fail(`${from} has no link ${text}`)
}

beforeEach(async () => {
  store = await memoryStore()
  place = openMemoryStore()
  await write(store, PLACE, CONTENT)
  await commitFiles(store, DIRECTORY, {
    'README.md': `# Rivers\n\n[data](sub-01/) [notes](notes.txt) [out](../x) ![map](map.png) ${HOSTILE}\n`,
    'dataset_description.json': JSON.stringify({ Name: 'Rivers', Authors: ['Ada', HOSTILE], License: 'CC0' }),
    'notes.txt': `one\n${HOSTILE}\n`,
    'map.png': annexLink(KEY),
    [HOSTILE]: 'x',
    'sub-01/README.md': 'of the first\n',
    'sub-01/deep/x.dat': annexLink(KEY),
    'sub-01/gone.dat': annexLink(KEY.replace('f5d0', '0000')),
  })
  await write(store, `${OTHER}/ria-layout-version`, '2\n')
  await commitFiles(store, OTHER, { 'CITATION.cff': 'title: Mountains\n' })
  await write(store, aliasFile('rivers'), `${DIRECTORY}\n`)
})

describe('a catalogue', () => {
  test('has a list of datasets, and of each its page, history and files, and all links lead to pages', async () => {
    expect(await make()).toMatchObject({ datasets: 2, failed: 0, removed: 0 })
    const all = await paths(place, '')
    const index = await page('index.html')
    expect(index.indexOf('Mountains')).toBeLessThan(index.indexOf('Rivers'))
    const top = await page(`d/${ID}/index.html`)
    for (const said of ['Ada', 'CC0', `datalad clone &#39;ria+https://host/store#${ID}&#39;`, '<h2>Rivers</h2>']) {
      expect(top.replaceAll("'", '&#39;')).toContain(said)
    }
    for (const name of all.filter((each) => each.endsWith('.html'))) {
      const text = await page(name)
      for (const [, href = ''] of text.matchAll(/<a [^>]*href="([^"#][^"]*)"/g)) {
        const { pathname } = new URL(href, `file:///${name}`)
        expect(all, `${name} leads to ${href}`).toContain(pathname.slice(1))
      }
    }
    expect(await page(`d/${ID}/history.html`)).toContain('a commit')
  })

  test('has nothing in it that strangers wrote and a browser would run', async () => {
    await make()
    for (const name of await paths(place, '')) {
      if (!name.endsWith('.html')) continue
      const text = await page(name)
      expect(text).not.toMatch(/<script|<img src=x|javascript:/)
      expect(text).toContain('<meta http-equiv="Content-Security-Policy" content="default-src &#39;none&#39;; ')
    }
  })

  test('shows small texts that git has, and where the others are', async () => {
    await make()
    const top = `d/${ID}/index.html`
    const [, view = ''] = /<a href="(view-[0-9a-f]+\.html)" aria-label="View notes.txt">/.exec(await page(top)) ?? []
    expect(await page(`d/${ID}/${view}`)).toContain('one\n&lt;img src=x')
    expect(await page(top)).toMatch(/map\.png<\/td><td class="number">22<\/td>\s*<td class="state">clone to get it/)
    const sub = `d/${ID}/${await linked(top, 'sub-01/')}`
    expect(await page(sub)).toContain('not in this store')
    expect(await page(sub)).toContain('of the first')
    expect(await page(`d/${ID}/${await linked(sub, 'deep/')}`)).toContain('x.dat')
  })

  test('shows a name that is no UTF-8, and has a page for it', async () => {
    const name = decode(Buffer.from('caf\xe9', 'latin1'))
    await commitFiles(store, OTHER, { [`${name}.txt`]: 'coffee', [`${name}/x`]: 'y' })
    expect(await make({ content: { serveUrl: 'https://host/' } })).toMatchObject({ failed: 0 })
    const text = await page(`d/${OTHER_ID}/index.html`)
    expect(text).toMatch(/href="https:\/\/host\/d\/[^/]+\/[0-9a-f]+\/caf%E9.txt"/)
    expect(await page(`d/${OTHER_ID}/${await linked(`d/${OTHER_ID}/index.html`, 'caf\ufffd/')}`)).toContain('>x</a>')
  })

  test('has links of a README lead to its pages, and nowhere where there is none', async () => {
    await make()
    const text = await page(`d/${ID}/index.html`)
    expect(text).toMatch(/<a href="tree-[0-9a-f]+\.html" rel="[^"]+">data<\/a>/)
    expect(text).toMatch(/<a href="view-[0-9a-f]+\.html" rel="[^"]+">notes<\/a>/)
    expect(text).toMatch(/<a rel="[^"]+">out<\/a>/)
    expect(text).toMatch(/<img alt="map"/)
  })

  test('cuts a long list of files into pages, and stops where strangers would have it go on for ever', async () => {
    const names = Array.from({ length: 25 }, (_none, i) => [`dir/f${String(i).padStart(2, '0')}`, 'x'] as const)
    await commitFiles(store, OTHER, Object.fromEntries(names))
    await make({ pageFiles: 10 })
    const first = await linked(`d/${OTHER_ID}/index.html`, 'dir/')
    expect(await page(`d/${OTHER_ID}/${first}`)).not.toContain('>f10<')
    const second = await linked(`d/${OTHER_ID}/${first}`, 'Next page')
    expect(await page(`d/${OTHER_ID}/${second}`)).toMatch(/f10[\s\S]*f19/)
    const third = await linked(`d/${OTHER_ID}/${second}`, 'Next page')
    expect(await page(`d/${OTHER_ID}/${third}`)).toMatch(/f20[\s\S]*f24/)
    expect(await linked(`d/${OTHER_ID}/${third}`, 'Previous page')).toBe(second)
    const { removed } = await make({ pageFiles: 10, maxPages: 2 })
    expect(removed).toBeGreaterThan(0)
    expect(await page(`d/${OTHER_ID}/${first}`)).toContain('There are more files than are listed here')
  })
})

describe('where links lead', () => {
  const archived = async () => {
    await write(
      store,
      archivePath(DIRECTORY),
      copyArchive([{ name: PLACE.split('/objects/')[1] ?? '', content: CONTENT }]),
    )
    await store.remove(PLACE)
  }
  const row = async () => /<tr><td>[^\n]*map\.png[\s\S]*?<\/tr>/.exec(await page(`d/${ID}/index.html`))?.[0] ?? ''

  test('a key that lies loose is linked where it is public, under the name of its file', async () => {
    await make({ content: { publicUrl: '../../../' } })
    expect(await row()).toContain(`<a href="../../../${PLACE}" download="map.png">map.png</a>`)
    await make({ content: { publicUrl: 'https://data.example.org/', serveUrl: 'https://serve.example.org/' } })
    expect(await row()).toContain(`<a href="https://data.example.org/${PLACE}" download="map.png">`)
    expect(await page(`d/${ID}/index.html`)).toMatch(
      /img-src &#39;self&#39; https:\/\/serve.example.org https:\/\/data.example.org;/,
    )
  })

  test('a key in an archive is linked through a server, and else is said to be there', async () => {
    await archived()
    await make({ content: { publicUrl: '../../../' } })
    expect(await row()).toContain('in the archive: clone to get it')
    expect(await row()).not.toContain('href')
    await make({ content: { publicUrl: '../../../', serveUrl: 'https://serve.example.org/' } })
    expect(await row()).toMatch(
      new RegExp(`<a href="https://serve.example.org/d/${ID}/[0-9a-f]{40}/map.png">map.png</a>`),
    )
    expect(await page(`d/${ID}/index.html`)).toMatch(/\?archive=zip">zip/)
  })

  test('a packed key is noticed though nothing was pushed', async () => {
    await make({ content: { publicUrl: '../../../' } })
    await archived()
    await make({ content: { publicUrl: '../../../' } })
    expect(await row()).toContain('in the archive')
    expect(written()).toEqual([ID])
  })

  test('signed links are made anew when half of their life is over, and told until when they work', async () => {
    let now = Date.now() + 1000
    const presign = async (path: string, name: string) => ({ url: `https://s3/${path}?${name}&${now}`, untilMs: now })
    now = Date.now() + 1000 * 3600
    const content = { presign, lifeMs: 1000 * 3600 }
    expect((await make({ content })).untilMs).toBe(now)
    expect(await row()).toContain(`href="https://s3/${PLACE}?map.png&amp;${now}"`)
    await make({ content })
    expect(written()).toEqual([])
    now = Date.now() + 1000 * 1700
    await make({ content, rebuild: true })
    expect(written()).toEqual([ID])
    now = Date.now() + 1000 * 3600
    expect((await make({ content })).untilMs).toBe(now)
    expect(written()).toEqual([ID])
  })
})

describe('a second run', () => {
  /** A place that notes what is done to it. */
  function noted() {
    const calls: string[] = []
    const to = withMethods(place, {
      put: (path, source, options?: PutOptions) => {
        calls.push(`put ${path}`)
        return place.put(path, source, options)
      },
      remove: (path, options) => {
        calls.push(`remove ${path}`)
        return place.remove(path, options)
      },
      removeAll: undefined,
    })
    return { calls, to }
  }

  test('writes nothing where nothing changed, and reads no more than what says so', async () => {
    await make()
    const { calls, to } = noted()
    expect(await make({ to })).toMatchObject({ datasets: 2, written: 0, removed: 0 })
    expect(calls).toEqual([])
  })

  test('writes what changed: the pages of a dataset first, the first of them and the list of all last', async () => {
    await make()
    await commitFiles(store, OTHER, { 'CITATION.cff': 'title: Hills\n', 'b/c': 'x' })
    const { calls, to } = noted()
    await make({ to })
    expect(written()).toEqual([OTHER_ID])
    expect(calls.filter((call) => call.startsWith('put'))).toEqual([
      `put d/${OTHER_ID}/pages.json`,
      `put d/${OTHER_ID}/history.html`,
      expect.stringMatching(`put d/${OTHER_ID}/tree-`),
      expect.stringMatching(`put d/${OTHER_ID}/view-`),
      `put d/${OTHER_ID}/index.html`,
      `put d/${OTHER_ID}/pages.json`,
      'put catalogue.json',
      'put index.html',
      'put catalogue.json',
    ])
    expect(calls.at(-1)).toBe('put catalogue.json')
    expect(await page('index.html')).toContain('Hills')
  })

  test('removes the pages of a dataset that is gone, after the list of all was written, and nothing else', async () => {
    await make()
    await write(place, 'about.html', 'mine')
    await write(place, `d/${OTHER_ID}x/index.html`, 'mine')
    for (const path of await paths(store, OTHER)) await store.remove(path)
    const { calls, to } = noted()
    expect((await make({ to })).removed).toBeGreaterThan(0)
    expect(calls.indexOf('put index.html')).toBeLessThan(
      calls.findIndex((call) => call.startsWith(`remove d/${OTHER_ID}`)),
    )
    const left = await paths(place, '')
    expect(left.filter((path) => path.includes(`${OTHER_ID}/`))).toEqual([])
    expect(left).toEqual(expect.arrayContaining(['about.html', `d/${OTHER_ID}x/index.html`]))
  })

  test.each(['index.html', `d/${OTHER_ID}/index.html`])(
    'after one that was cut at %s makes again what that had begun',
    async (at) => {
      const all = async () => Promise.all((await paths(place, '')).map(async (name) => [name, await page(name)]))
      await make()
      const before = await all()
      const commit = (title: string) => commitFiles(store, OTHER, { 'CITATION.cff': `title: ${title}\n` })
      await commit('Hills')
      const cut = withMethods(place, {
        put: (path, source, options) => {
          if (path !== at) return place.put(path, source, options)
          return Promise.reject(new StoreError({ kind: 'unreachable', op: 'put', where: path, message: 'cut' }))
        },
      })
      await expect(make({ to: cut })).rejects.toThrow('cut')
      expect(await all()).not.toEqual(before)
      expect(await page('index.html')).not.toContain('Hills')
      await commit('Mountains')
      await make()
      expect(await all()).toEqual(before)
    },
  )

  test('keeps the pages of a dataset that cannot be read, and says so', async () => {
    await make()
    await commitFiles(store, OTHER, { 'CITATION.cff': 'title: Hills\n' })
    const from = withMethods(store, {
      get: (path, ...all) =>
        path.startsWith(`${OTHER}/objects`)
          ? Promise.reject(new StoreError({ kind: 'denied', op: 'get', where: path, message: 'no' }))
          : store.get(path, ...all),
    })
    const before = await page(`d/${OTHER_ID}/index.html`)
    expect(await make({ from })).toMatchObject({ failed: 1, datasets: 2 })
    expect(failures).toEqual([expect.objectContaining({ kind: 'denied' })])
    expect(await page(`d/${OTHER_ID}/index.html`)).toBe(before)
    expect(await page('index.html')).toContain('Mountains')
  })

  test('changes nothing where the store cannot be asked', async () => {
    await make()
    const before = await paths(place, '')
    const fail = async () => {
      throw new StoreError({ kind: 'unreachable', op: 'stat', where: 'store', message: 'no answer' })
    }
    const from = withMethods(store, { stat: fail, statAll: fail, get: fail })
    await expect(make({ from })).rejects.toThrow('no answer')
    expect(await paths(place, '')).toEqual(before)
  })
})

test('only what somebody may read is in it, and what he may not any more goes', async () => {
  await make()
  await make({ names: ['~rivers'] })
  expect(await paths(place, `d/${OTHER_ID}`)).toEqual([])
  for (const name of await paths(place, '')) {
    if (name.endsWith('.html')) expect(await page(name)).not.toMatch(/Mountains|77777777/)
  }
  await make({ names: [] })
  expect((await paths(place, '')).sort()).toEqual(['catalogue.json', 'index.html'])
})

test('a dry run says what would be written, and writes nothing', async () => {
  const { written: count } = await make({ dryRun: true })
  expect(count).toBeGreaterThan(5)
  expect(await paths(place, '')).toEqual([])
  expect((await make()).written).toBe(count)
})

test('a directory with something else in it is left alone', async () => {
  await write(place, 'thesis.pdf', 'years of work')
  await expect(make()).rejects.toThrow(ConfigError)
  expect(await paths(place, '')).toEqual(['thesis.pdf'])
})

test('a dataset into which nothing was pushed is in the list, and has no page', async () => {
  await write(store, '555/55555-7e85-11e6-904c-002590f97d84/ria-layout-version', '2\n')
  expect(await make()).toMatchObject({ datasets: 3, failed: 0 })
  expect(await page('index.html')).toContain('<h2>55555555-7e85-11e6-904c-002590f97d84</h2>')
})

test('the list is searched by an index that says what each dataset says of itself, and is not written again', async () => {
  const library = '/* MiniSearch */\n'
  await make({ library })
  expect(await page('index.html')).toMatch(/script-src &#39;self&#39;[\s\S]*<script src="search.js" defer><\/script>/)
  expect(await page(`d/${ID}/index.html`)).not.toContain('<script')
  expect(await page('search.js')).toMatch(/^\/\* MiniSearch \*\/\n/)
  const [, text = ''] = /^riastoreFound\(JSON\.parse\((.*)\)\)\n$/.exec(await page('search-data.js')) ?? []
  const { fields, searchOptions } = OPTIONS
  const index = MiniSearch.loadJSON(JSON.parse(text), { fields: [...fields], searchOptions })
  expect(index.search('ada cc0 river').map(({ href }) => href)).toEqual([`d/${ID}/index.html`])
  expect(index.search('ada mountains')).toEqual([])
  expect(await make({ library })).toMatchObject({ written: 0 })
  await make({ library: undefined })
  expect(await paths(place, '')).not.toContain('search.js')
})
