/**
 * The name of a directory in `quarantine/`: when it was made, to the ms, so that nothing is written
 * over what a run before this one kept.
 */
export function quarantineStamp(): string {
  return new Date().toISOString().replace(/[-:.]/g, '')
}
