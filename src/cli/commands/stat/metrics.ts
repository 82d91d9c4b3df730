import type { Counted, Numbers } from './counted.ts'

type Metric = readonly [name: string, help: string, value: (each: Counted) => number | undefined]

const METRICS: readonly Metric[] = [
  ['riastore_keys', 'Keys of a dataset, loose and archived.', (each) => each.loose + each.archived],
  ['riastore_key_bytes', 'Bytes of these keys.', (each) => each.looseBytes + each.archivedBytes],
  ['riastore_loose_keys', 'Loose keys of a dataset.', (each) => each.loose],
  ['riastore_archive_bytes', 'Bytes of the archive of a dataset.', (each) => each.archiveBytes],
  ['riastore_files', 'Files or objects of a dataset.', (each) => each.files],
  ['riastore_file_bytes', 'Bytes of these files.', (each) => each.fileBytes],
  ['riastore_directories', 'Directories of a dataset, none where there are none.', (each) => each.directories],
  ['riastore_unfinished_bytes', 'Bytes of unfinished uploads.', (each) => each.temporaryBytes],
  ['riastore_stale_files', 'Leftovers that are older than a day.', (each) => each.stale],
  ['riastore_shared_bytes', 'Bytes of keys that another dataset has, too.', (each) => each.sharedBytes],
  ['riastore_unused_bytes', 'Bytes of keys that no ref names.', (each) => each.unusedBytes],
  ['riastore_newest_file_seconds', 'When the newest file was written.', (each) => seconds(each.newestMs)],
]

/** Prometheus's text format (its "Exposition formats" page), for the textfile collector. */
export function asMetrics({ store, counted, facts, countedMs }: Numbers): string {
  const label = (text: string) => JSON.stringify(text)
  const { versioning, objectLock } = facts.keeping ?? {}
  const own = counted.filter((each) => each.appendOnly === true).length
  const isOn = (state: string | undefined) => (state === undefined ? undefined : Number(state === 'on'))
  const ofStore = (name: string, help: string, value: number | undefined) =>
    value === undefined
      ? []
      : [`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, `${name}{store=${label(store)}} ${value}`]
  return [
    ...METRICS.flatMap(([name, help, value]) => {
      const lines = counted.flatMap((each) => {
        const found = value(each)
        return found === undefined ? [] : [`${name}{store=${label(store)},dataset=${label(each.dataset)}} ${found}`]
      })
      return lines.length === 0 ? [] : [`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, ...lines]
    }),
    ...ofStore('riastore_datasets', 'Datasets of a store.', counted.length),
    ...ofStore('riastore_free_bytes', 'Free space of a store.', facts.free),
    ...ofStore('riastore_trash_bytes', 'Bytes in the trash of a store.', facts.trashBytes),
    ...ofStore('riastore_append_only', 'Whether riastore removes nothing in a store.', facts.appendOnly ? 1 : 0),
    ...ofStore('riastore_append_only_datasets', 'Datasets that are append-only themselves.', own),
    ...ofStore('riastore_versioning', 'Whether a bucket keeps versions, where that is known.', isOn(versioning)),
    ...ofStore('riastore_object_lock', 'Whether a bucket can lock them, where that is known.', isOn(objectLock)),
    ...ofStore('riastore_counted_seconds', 'When this was counted.', seconds(countedMs)),
  ].join('\n')
}

const seconds = (ms: number | undefined) => (ms === undefined ? undefined : Math.floor(ms / 1000))
