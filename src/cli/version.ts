import { readFileSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The version of the package that the running program belongs to. */
export function version(program: string = process.argv[1] ?? ''): string {
  try {
    for (let directory = dirname(realpathSync(program)); ; directory = dirname(directory)) {
      const found = versionIn(directory)
      if (found !== undefined) return found
      if (directory === dirname(directory)) return 'unknown'
    }
  } catch {
    return 'unknown'
  }
}

function versionIn(directory: string): string | undefined {
  try {
    const { name, version } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))
    return name === 'riastore' && typeof version === 'string' ? version : undefined
  } catch {
    return undefined
  }
}
