/** Reads a line of JSON that is an object. Undefined for one that was cut off, or is none. */
export function jsonObject(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const found = JSON.parse(line)
    return typeof found === 'object' && found !== null ? found : undefined
  } catch {
    return undefined
  }
}
