import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, join } from 'node:path'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

interface AxeResults {
  readonly violations: readonly { id: string; impact: string; nodes: readonly { html: string }[] }[]
}

/** A phone, in the dark, whose owner runs no scripts. */
export const PHONE = {
  javaScriptEnabled: false,
  viewport: { width: 360, height: 640 },
  colorScheme: 'dark',
} as const satisfies BrowserContextOptions

/** The system's chromium. */
export function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: programOnPath('chromium'),
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
  })
}

/** Opens an address in a window of its own, for as long as `work` goes on. */
export async function withPage<T>(
  browser: Browser,
  url: string,
  options: BrowserContextOptions,
  work: (page: Page) => Promise<T>,
): Promise<T> {
  const context = await browser.newContext(options)
  try {
    const page = await context.newPage()
    await page.goto(url)
    return await work(page)
  } finally {
    await context.close()
  }
}

/** By how much a page is wider than its window. Pixels. */
export function overflowOf(page: Page): Promise<number> {
  const element = 'document.documentElement'
  return page.evaluate<number>(`${element}.scrollWidth - ${element}.clientWidth`)
}

/** What axe finds serious in a page that was opened with `bypassCSP`. */
export async function seriousFaults(page: Page): Promise<readonly unknown[]> {
  await page.evaluate(AXE)
  const { violations } = await page.evaluate<AxeResults>('axe.run()')
  const faults = violations.map(({ id, impact, nodes }) => [id, impact, nodes[0]?.html])
  return faults.filter(([, impact]) => impact === 'serious' || impact === 'critical')
}

function programOnPath(name: string): string {
  const found = (process.env.PATH ?? '').split(delimiter).map((directory) => join(directory, name))
  return found.find((path) => existsSync(path)) ?? name
}
