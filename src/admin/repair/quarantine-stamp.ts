/** The name of a directory in `quarantine/`: when it was made. */
export function quarantineStamp(): string {
  return new Date().toISOString().replace(/[-:]|\.\d+/g, '')
}
