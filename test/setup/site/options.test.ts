import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { SITE_VALUES } from '../../../src/cli/table/site.ts'
import { optionFlag } from '../../../src/setup/site/option-flag.ts'
import { SITE_OPTION_NAMES, SITE_OPTIONS } from '../../../src/setup/site/options.ts'
import { projectDirectory } from '../../support/programs/programs.ts'

test('docs/site-setup.md lists the options of a site as the program has them, and no others', async () => {
  const page = await readFile(join(projectDirectory, 'docs/site-setup.md'), 'utf8')
  const [, table = ''] = /\| option \| meaning \| where it is not set \|\n\|[-|]+\|\n((?:\|.*\n)+)/.exec(page) ?? []
  const rows = SITE_OPTION_NAMES.map(
    (name) => `| \`${name}\` | ${SITE_OPTIONS[name].help} | ${SITE_OPTIONS[name].byDefault} |\n`,
  )
  expect(table).toBe(rows.join(''))
})

test('each option has an argument of the same name with dashes, with the same help', () => {
  const expected = SITE_OPTION_NAMES.map((name) => [optionFlag(name), SITE_OPTIONS[name].help])
  expect(Object.entries(SITE_VALUES).map(([name, { describe }]) => [`--${name}`, describe])).toEqual(expected)
})

test('git takes each option as the name of a setting', () => {
  for (const name of SITE_OPTION_NAMES) expect(name).toMatch(/^[a-z][A-Za-z0-9]*$/)
})
