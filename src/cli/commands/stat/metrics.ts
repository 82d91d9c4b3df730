import type { Counted } from './counted.ts'

const METRICS = [
  ['riastore_keys', 'Keys of a dataset, loose and archived.', (each: Counted) => each.loose + each.archived],
  ['riastore_key_bytes', 'Bytes of these keys.', (each: Counted) => each.looseBytes + each.archivedBytes],
  ['riastore_files', 'Files or objects of a dataset.', (each: Counted) => each.files],
  ['riastore_file_bytes', 'Bytes of these files.', (each: Counted) => each.fileBytes],
  ['riastore_unfinished_bytes', 'Bytes of unfinished uploads.', (each: Counted) => each.temporaryBytes],
] as const

/** Prometheus's text format (its "Exposition formats" page), for the textfile collector. */
export function asMetrics(store: string, all: readonly Counted[]): string {
  const label = (text: string) => JSON.stringify(text)
  return METRICS.flatMap(([name, help, value]) => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} gauge`,
    ...all.map((each) => `${name}{store=${label(store)},dataset=${label(each.dataset)}} ${value(each)}`),
  ]).join('\n')
}
