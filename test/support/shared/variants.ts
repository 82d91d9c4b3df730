import { readdirSync, readFileSync } from 'node:fs'

/** Set for the project `full` (vitest.config.ts). */
export const ALL_VARIANTS = 'RIASTORE_TEST_VARIANTS'

/**
 * The variants of a test: the usual ones, which show all that differs between them, or in `npm run
 * test:full` all of them.
 */
export function variants<const T>(usual: readonly T[], all: readonly T[]): readonly T[] {
  return process.env[ALL_VARIANTS] === 'all' ? all : usual
}

/** Returns the files of e2e that have more variants of a test than the usual ones. */
export function withVariants(directory = 'test/e2e'): string[] {
  const files = readdirSync(directory).filter((name) => name.endsWith('.test.ts'))
  return files.map((name) => `${directory}/${name}`).filter((file) => readFileSync(file, 'utf8').includes('variants('))
}
