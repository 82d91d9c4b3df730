import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { PutBucketPolicyCommand } from '@aws-sdk/client-s3'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { archivePath, keyPaths } from '../../../src/ria/layout/paths.ts'
import { openLocalStore } from '../../../src/store/local/local.ts'
import { openS3Store } from '../../../src/store/s3/s3.ts'
import type { Store } from '../../../src/store/store.ts'
import { copyArchive } from '../../support/archives/header-writer.ts'
import { overflowOf, PHONE, seriousFaults, startBrowser, withPage } from '../../support/programs/browser.ts'
import { objectsOf, riastore } from '../../support/programs/console-double.ts'
import { annexLink, commitFiles } from '../../support/repos/memory-repository.ts'
import { policyForAll, type TestS3, useTestS3 } from '../../support/servers/s3.ts'
import { paths, temporaryDirectory, write } from '../../support/stores/stores.ts'

const ID = '6d69ca68-7e85-11e6-904c-002590f97d84'
const DIRECTORY = '6d6/9ca68-7e85-11e6-904c-002590f97d84'
const OTHER = '777/77777-7e85-11e6-904c-002590f97d84'
const HOSTILE = '<img src=x onerror="document.title=\'pwned\'"><script>document.title="pwned"</script>'
const LONG = 'scan-with-a-very-long-name-that-has-no-place-to-break-at-all-in-a-narrow-window.dat'
const PICTURE = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==',
  'base64',
)
const LEVELS = Buffer.from('water levels\n')
const PACKED = Buffer.from('packed levels\n')

const keyOf = (content: Buffer, ending: string) =>
  `MD5E-s${content.length}--${createHash('md5').update(content).digest('hex')}${ending}`
const placeOf = (key: string) => keyPaths(DIRECTORY, '2', key)[0] ?? ''

/** CI keeps what is there. */
const SCREENSHOTS = process.env.RIASTORE_SCREENSHOTS ?? join(tmpdir(), 'riastore-screenshots')

let browser: Browser

beforeAll(async () => {
  mkdirSync(SCREENSHOTS, { recursive: true })
  browser = await startBrowser()
})
afterAll(() => browser?.close())

async function fill(store: Store): Promise<void> {
  const [map, levels, packed] = [keyOf(PICTURE, '.png'), keyOf(LEVELS, '.dat'), keyOf(PACKED, '.dat')]
  await write(store, 'ria-layout-version', '1\n')
  await write(store, `${DIRECTORY}/ria-layout-version`, '2\n')
  await write(store, placeOf(map), PICTURE)
  await write(store, placeOf(levels), LEVELS)
  const [, member = ''] = placeOf(packed).split('/annex/objects/')
  await write(store, archivePath(DIRECTORY), copyArchive([{ name: member, content: PACKED }]))
  await commitFiles(store, DIRECTORY, {
    'README.md': `# A study of rivers\n\n[the tables](sub-01/), ${HOSTILE}\n\n[bad](javascript:alert(1))\n`,
    'dataset_description.json': JSON.stringify({ Name: `Rivers ${HOSTILE}`, Authors: ['Ada Example', HOSTILE] }),
    'datacite.yml': 'title: Other\ndescription: Water levels, measured daily\nkeywords: [hydrology, __proto__]\n',
    'participants.tsv': `id\tage\n${HOSTILE}\t7\n`,
    'map.png': annexLink(map),
    'levels of "today".dat': annexLink(levels),
    'packed.dat': annexLink(packed),
    [`${HOSTILE.replaceAll('/', '')}.txt`]: HOSTILE,
    [`sub-01/${LONG}`]: annexLink(levels),
  })
  await write(store, `${OTHER}/ria-layout-version`, '2\n')
  await commitFiles(store, OTHER, { 'CITATION.cff': 'title: Mountains\nauthors:\n- family-names: Other\n' })
}

describe('in a directory, opened as files', () => {
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>
  let place: string

  beforeAll(async () => {
    directory = await temporaryDirectory()
    const root = join(directory.path, 'store')
    place = join(directory.path, 'pages')
    const store = openLocalStore({ root })
    await fill(store)
    await store.close()
    const ran = await riastore(['catalog', root, place])
    expect([ran.code, ran.stderr]).toEqual([0, ''])
  })
  afterAll(() => directory?.remove())

  const addressOf = (name: string) => pathToFileURL(join(place, name)).href
  const open = <T>(name: string, options: Parameters<typeof withPage>[2], work: (page: Page) => Promise<T>) =>
    withPage(browser, addressOf(name), options, work)

  test('each page fits a phone without JavaScript, has no serious fault, and runs nothing of strangers', async () => {
    const inDataset = (await readdir(join(place, 'd', ID))).filter((name) => name.endsWith('.html'))
    const views = inDataset.filter((name) => name.startsWith('view-'))
    expect([views.length, inDataset.length]).toEqual([5, 8])
    const shown = [...inDataset.filter((name) => !views.includes(name)), ...views.slice(0, 2)]
    const names = ['index.html', ...shown.map((name) => `d/${ID}/${name}`)]
    const onEach = (work: (page: Page, name: string) => Promise<void>) => async (page: Page) => {
      for (const name of names) {
        await page.goto(addressOf(name))
        await work(page, name)
      }
    }
    const fits = onEach(async (page, name) => expect(await overflowOf(page), name).toBe(0))
    const hasNoFault = onEach(async (page, name) => expect(await seriousFaults(page), name).toEqual([]))
    await open('index.html', PHONE, fits)
    await open('index.html', { bypassCSP: true }, hasNoFault)
    await open('index.html', {}, async (page) => {
      const refused: string[] = []
      page.on('console', (message) => refused.push(message.text()))
      await onEach(async () => {
        expect(await page.title()).not.toBe('pwned')
        const active = page.locator('script:not([src="search.js"]), [onerror], [href^="javascript:"], iframe, object')
        expect(await active.count()).toBe(0)
      })(page)
      expect(refused).toEqual([])
    })
  })

  test('one is led from the list to a dataset, its directory, and back', async () => {
    await open('index.html', PHONE, async (page) => {
      await page.screenshot({ path: join(SCREENSHOTS, 'static-catalogue-360.png'), fullPage: true })
      expect(await page.locator('.datasets:not([hidden]) li').count()).toBe(2)
      await page.getByRole('link', { name: /^Rivers/ }).click()
      const text = await page.locator('main').innerText()
      for (const said of ['Water levels, measured daily', 'Ada Example', `#${ID}`]) expect(text).toContain(said)
      await page.screenshot({ path: join(SCREENSHOTS, 'static-dataset-360.png'), fullPage: true })
      await page.getByRole('link', { name: 'the tables' }).click()
      expect(await page.locator('main').innerText()).toContain(LONG)
      await page.getByRole('link', { name: 'Datasets' }).click()
      expect(await page.locator('h1').innerText()).toBe('Datasets')
    })
  })

  test('the list is searched where scripts run', async () => {
    await open('index.html', {}, async (page) => {
      const found = page.locator('#results li')
      await page.getByLabel('Search datasets').fill('dail hydrology ADA')
      await expect.poll(() => found.count()).toBe(1)
      expect(await page.getByRole('status').innerText()).toBe('1 dataset found')
      await page.screenshot({ path: join(SCREENSHOTS, 'static-search.png'), fullPage: true })
      expect(await page.title()).toBe('Datasets')
      await page.getByLabel('Search datasets').fill('glaciers')
      await expect.poll(() => page.getByRole('status').innerText()).toBe('0 datasets found')
      await page.getByLabel('Search datasets').fill('mountain')
      await expect.poll(() => found.count()).toBe(1)
      await found.getByRole('link').click()
      expect(await page.locator('h1').innerText()).toBe('Mountains')
    })
  })
})

describe('in a bucket', () => {
  let ceph: TestS3
  let store: Store
  let url: string
  let address: string

  beforeAll(async () => {
    ceph = await useTestS3()
    const { endpoint, bucket, account } = ceph
    vi.stubEnv('AWS_ACCESS_KEY_ID', account.accessKeyId)
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', account.secretAccessKey)
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
    store = openS3Store({ endpoint, bucket, prefix: 'store', credentials: account })
    url = `ria+s3+${endpoint}/${bucket}/store`
    address = `${endpoint}/${bucket}/store`
    await fill(store)
  })
  afterAll(async () => {
    vi.unstubAllEnvs()
    await store?.close()
  })

  const published = (name: string) => `${address}/catalog/${name}`

  test('that is private, links that were signed lead to keys, under the names of their files', async () => {
    const directory = await temporaryDirectory()
    const ran = await riastore(['catalog', '--json', url, directory.path, '--presign', '2d'])
    expect([ran.code, ran.stderr]).toEqual([0, ''])
    const [{ until } = {}] = objectsOf(ran, 'summary')
    const left = Date.parse(String(until)) - Date.now()
    expect(left).toBeGreaterThan(1.9 * 86_400_000)
    expect(left).toBeLessThan(2.1 * 86_400_000)
    const text = await readFile(join(directory.path, `d/${ID}/index.html`), 'utf8')
    const [, link = ''] = /<a href="([^"]+)">levels of/.exec(text) ?? []
    const answer = await fetch(link.replaceAll('&amp;', '&'))
    expect([answer.status, await answer.text()]).toEqual([200, LEVELS.toString()])
    expect(answer.headers.get('content-disposition')).toContain('levels%20of%20%22today%22.dat')
    expect(text).toContain('in the archive: clone to get it')
    expect((await fetch(`${address}/${placeOf(keyOf(LEVELS, '.dat'))}`)).status).toBe(403)
    await directory.remove()
  })

  test('that is public, the pages are there with their types, and a browser gets files by them', async () => {
    const ran = await riastore(['catalog', url, url])
    expect([ran.code, ran.stderr]).toEqual([0, ''])
    const { client, bucket: Bucket } = ceph
    await client().send(new PutBucketPolicyCommand({ Bucket, Policy: policyForAll(Bucket, ['s3:GetObject']) }))
    for (const [name, type] of [
      ['index.html', 'text/html; charset=utf-8'],
      ['search.js', 'text/javascript; charset=utf-8'],
      [`d/${ID}/index.html`, 'text/html; charset=utf-8'],
    ] as const) {
      const { status, headers } = await fetch(published(name))
      expect([status, headers.get('content-type'), headers.get('cache-control')]).toEqual([200, type, 'no-cache'])
    }
    await withPage(browser, published('index.html'), { acceptDownloads: true }, async (page) => {
      await page.getByLabel('Search datasets').fill('rivers')
      await page.locator('#results').getByRole('link').click()
      const picture = page.locator('img.thumb')
      await picture.scrollIntoViewIfNeeded()
      await expect.poll(() => picture.evaluate((image: { naturalWidth: number }) => image.naturalWidth)).toBe(1)
      await page.screenshot({ path: join(SCREENSHOTS, 'static-dataset.png'), fullPage: true })
      expect(await page.locator('main').innerText()).toContain(`datalad clone 'ria+${address}#${ID}'`)
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('link', { name: 'levels of "today".dat' }).click(),
      ])
      expect(await readFile(await download.path())).toEqual(LEVELS)
      expect(download.suggestedFilename()).toMatch(/^levels of .today.\.dat$/)
    })
  })

  test('nothing is written again, and what is gone goes, by what the bucket itself has', async () => {
    const again = await riastore(['catalog', '--json', url, url])
    expect(objectsOf(again, 'summary')).toMatchObject([{ datasets: 2, written: 0, removed: 0 }])
    for (const path of await paths(store, OTHER)) await store.remove(path)
    const gone = await riastore(['catalog', '--json', url, url])
    expect(objectsOf(gone, 'summary')).toMatchObject([{ datasets: 1, failed: 0 }])
    expect(await paths(store, `catalog/d/${OTHER.replace('/', '')}`)).toEqual([])
    expect((await paths(store, `catalog/d/${ID}`)).length).toBeGreaterThan(5)
    expect(await riastore(['check', url])).toMatchObject({ code: 0, stderr: '' })
  })
})
