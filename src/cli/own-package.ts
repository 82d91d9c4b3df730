import { readFileSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The package that a program belongs to: where it lies, and its version. */
export interface OwnPackage {
  readonly directory: string
  readonly version: string
}

/** The package of the running program; undefined where that lies in none of ours. */
export function ownPackage(program: string = process.argv[1] ?? ''): OwnPackage | undefined {
  try {
    for (let directory = dirname(realpathSync(program)); ; directory = dirname(directory)) {
      const version = versionIn(directory)
      if (version !== undefined) return { directory, version }
      if (directory === dirname(directory)) return undefined
    }
  } catch {
    return undefined
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

/** The version of the package that the running program belongs to. */
export function version(program?: string): string {
  return ownPackage(program)?.version ?? 'unknown'
}
