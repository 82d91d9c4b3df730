/** The line of a project's description that says whose it is. */
const MARK = /^DataLad dataset ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\s*$/gim

/** A description that says which dataset the project belongs to. */
export function withMark(description: string | undefined, datasetId: string): string {
  const text = (description ?? '').replace(MARK, '').trim()
  return `${text && `${text}\n\n`}${markOf(datasetId)}`
}

export function markOf(datasetId: string): string {
  return `DataLad dataset ${datasetId}`
}

/** The ids of the datasets that a description names, in lower case. */
export function marksIn(description: string): readonly string[] {
  return [...new Set([...description.matchAll(MARK)].map(([, id = '']) => id.toLowerCase()))]
}
