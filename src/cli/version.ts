import { ownPackage } from './own-package.ts'

/** The version of the package that the running program belongs to. */
export function version(program?: string): string {
  return ownPackage(program)?.version ?? 'unknown'
}
