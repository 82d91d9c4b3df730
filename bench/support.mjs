/** Servers of the tests, compiled for a run. */
import { rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'

const PROJECT = join(import.meta.dirname, '..')

/**
 * @param {string} path of a file in test/support/, without its ending
 * @returns {Promise<any>} the module
 */
export async function loadSupport(path) {
  const name = basename(path)
  const { rolldown } = await import('rolldown')
  const input = { [name]: join(PROJECT, 'test', 'support', `${path}.ts`) }
  const bundle = await rolldown({ input, platform: 'node', tsconfig: false, external: [/^@aws-sdk\//, 'ajv', 'yaml'] })
  // Where node finds the packages that are not in it.
  const directory = join(PROJECT, 'node_modules', '.cache', `riastore-bench-${process.pid}-${name}`)
  try {
    await bundle.write({ dir: directory, format: 'esm', entryFileNames: '[name].mjs' })
    await bundle.close()
    return await import(pathToFileURL(join(directory, `${name}.mjs`)).href)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
