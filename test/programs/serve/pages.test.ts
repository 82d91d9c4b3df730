import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { keyPaths } from '../../../src/ria/layout/paths.ts'
import {
  overflowOf,
  PHONE,
  seriousFaults,
  startBrowser,
  withPage as withPageOf,
} from '../../support/programs/browser.ts'
import { annexLink, commitFiles } from '../../support/repos/memory-repository.ts'
import { type ServedStore, serveStore } from '../../support/servers/served-store.ts'
import { CONTENT, DIRECTORY, ID, KEY, memoryStore, PLACE } from '../../support/stores/memory-dataset.ts'
import { write } from '../../support/stores/stores.ts'

const OTHER = '777/77777-7e85-11e6-904c-002590f97d84'
const OTHER_ID = OTHER.replace('/', '')

/** CI keeps what is there. */
const SCREENSHOTS = process.env.RIASTORE_SCREENSHOTS ?? join(tmpdir(), 'riastore-screenshots')

const HOSTILE = '<img src=x onerror="document.title=\'pwned\'"><script>document.title="pwned"</script>'
const PICTURE = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==',
  'base64',
)

let served: ServedStore
let browser: Browser

beforeAll(async () => {
  const store = await memoryStore()
  await write(store, PLACE, CONTENT)
  const picture = `MD5E-s${PICTURE.length}--${createHash('md5').update(PICTURE).digest('hex')}.png`
  await write(store, keyPaths(DIRECTORY, '2', picture)[0] ?? '', PICTURE)
  await commitFiles(store, DIRECTORY, {
    'README.md': `# A study of rivers\n\nText with [a link](sub-01/), ${HOSTILE}\n\n[bad](javascript:alert(1))\n`,
    'dataset_description.json': JSON.stringify({
      Name: `Rivers ${HOSTILE}`,
      Authors: ['Ada Example', HOSTILE],
      License: 'CC0',
      DatasetDOI: 'doi:10.1234/x"><script>',
    }),
    'datacite.yml': 'title: Other\ndescription: Water levels, measured daily\nkeywords: [hydrology]\n',
    'participants.tsv': `id\tage\n${HOSTILE}\t7\nsub-02\t8\n`,
    'map.png': annexLink(picture),
    [`${HOSTILE.replaceAll('/', '')}.txt`]: HOSTILE,
    'sub-01/scan-with-a-very-long-name-that-has-no-place-to-break-at-all-in-a-narrow-window.dat': annexLink(KEY),
    '.gitmodules': `[submodule "s"]\n\tpath = sub-ds\n\turl = ./x\n\tdatalad-id = ${OTHER_ID}\n`,
  })
  await write(store, `${OTHER}/ria-layout-version`, '2\n')
  await commitFiles(store, OTHER, { 'CITATION.cff': 'title: Mountains\nauthors:\n- family-names: Other\n' })
  served = await serveStore(store)
  mkdirSync(SCREENSHOTS, { recursive: true })
  browser = await startBrowser()
})
afterAll(async () => {
  await browser?.close()
  await served?.close()
})

const PAGES = {
  catalogue: '/',
  search: '/?q=daily',
  dataset: `/d/${ID}/HEAD/`,
  directory: `/d/${ID}/HEAD/sub-01/`,
  table: `/d/${ID}/HEAD/participants.tsv?view`,
  picture: `/d/${ID}/HEAD/map.png?view`,
  history: `/d/${ID}/HEAD/?history`,
} as const

const withPage = <T>(path: string, options: BrowserContextOptions, work: (page: Page) => Promise<T>): Promise<T> =>
  withPageOf(browser, `http://127.0.0.1:${served.port}${path}`, options, work)

describe.each(Object.entries(PAGES))('the page %s', (name, path) => {
  test('fits a phone, in the dark and without JavaScript', async () => {
    await withPage(path, PHONE, async (page) => {
      await page.screenshot({ path: join(SCREENSHOTS, `${name}-360.png`), fullPage: true })
      expect(await overflowOf(page)).toBe(0)
    })
  })

  test('has no serious fault for those who use a screen reader', async () => {
    await withPage(path, { bypassCSP: true }, async (page) => {
      await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true })
      expect(await seriousFaults(page)).toEqual([])
    })
  })

  test('runs nothing that strangers wrote, and is not let', async () => {
    await withPage(path, {}, async (page) => {
      const refused: string[] = []
      page.on('console', (message) => refused.push(message.text()))
      await page.reload({ waitUntil: 'load' })
      expect(await page.title()).not.toBe('pwned')
      const active = page.locator('script, [onerror], [href^="javascript:"], iframe, object')
      expect([await active.count(), refused]).toEqual([0, []])
    })
  })
})

test('a dataset is found and cloned by its page, with the keyboard alone', async () => {
  await withPage('/', { javaScriptEnabled: false }, async (page) => {
    const focused = () => page.evaluate<string>('document.activeElement.textContent || document.activeElement.id')
    const tabTo = async (wanted: RegExp) => {
      for (let presses = 0; presses < 40; presses++) {
        await page.keyboard.press('Tab')
        if (wanted.test(await focused())) return
      }
      throw new Error(`the keyboard does not lead to ${wanted}`)
    }
    await tabTo(/^q$/)
    await page.keyboard.type('daily hydrology ADA')
    await page.keyboard.press('Enter')
    await page.waitForURL(/\?q=daily/)
    expect(await page.locator('.datasets li').count()).toBe(1)
    await tabTo(/^Rivers/)
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/HEAD\/$/)
    const text = await page.locator('main').innerText()
    for (const said of ['Water levels, measured daily', 'Ada Example', 'CC0', '10.1234/x']) expect(text).toContain(said)
    expect(text).toContain(`datalad clone 'ria+http://127.0.0.1:${served.port}/#${ID}'`)
    expect(await page.locator('.readme h2').innerText()).toBe('A study of rivers')
    await tabTo(/^sub-ds$/)
    await page.keyboard.press('Enter')
    await page.waitForURL(new RegExp(OTHER_ID))
    expect(await page.locator('h1').innerText()).toBe('Mountains')
  })
})

test('the first rows of a table are shown as a table', async () => {
  await withPage(PAGES.table, { javaScriptEnabled: false }, async (page) => {
    expect(await page.locator('thead').innerText()).toMatch(/id\s+age/)
    expect(await page.locator('tbody tr').nth(1).innerText()).toMatch(/sub-02\s+8/)
  })
})

test('the picture in the README is that of a dataset as its page is', async () => {
  const store = await memoryStore()
  await write(store, PLACE, CONTENT)
  const files = {
    'README.md':
      '# Rivers\n\nLevels of 40 rivers, measured daily since 1950, with the [program](code/) that reads them.\n',
    'dataset_description.json': JSON.stringify({
      Name: 'Water levels of rivers',
      Authors: ['Ada Example', 'Bela Example'],
      License: 'CC0',
      DatasetDOI: 'doi:10.1234/rivers',
    }),
    'datacite.yml': 'description: Water levels of 40 rivers, measured daily\nkeywords: [hydrology, climate]\n',
    'stations.tsv': 'station\triver\n1\tElbe\n',
    'code/levels.py': 'print()\n',
    'levels.dat': annexLink(KEY),
  }
  await commitFiles(store, DIRECTORY, files)
  const shown = await serveStore(store)
  const context = await browser.newContext({ viewport: { width: 900, height: 600 } })
  try {
    const page = await context.newPage()
    await page.goto(`http://127.0.0.1:${shown.port}/d/${ID}/HEAD/`)
    await page.screenshot({ path: join(SCREENSHOTS, 'readme.png'), fullPage: true })
    expect(await page.locator('h1').innerText()).toBe('Water levels of rivers')
  } finally {
    await context.close()
    await shown.close()
  }
})
