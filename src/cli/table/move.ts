import type { CommandSpec } from '../command.ts'
import { COPY } from './copy.ts'
import { CAREFUL } from './shared.ts'

export const MOVE = {
  name: 'move',
  summary: 'Move datasets into another store, and say what clones have to be told',
  usage: '[options] SRC DST [DATASET…]',
  description: [
    COPY.description[0],
    'Each dataset is copied as by riastore copy, then all keys of the copy are read and held against their checksums, \
then what came to SRC meanwhile is copied, and only then the dataset goes into the trash of SRC, where riastore restore \
brings it back. Where anything is not as it should be it stays in SRC.',
    "git-annex's records in the copy get the new address of the storage sibling, where they had that of SRC. What has to \
be told to each clone is printed, as commands.",
  ],
  positionals: COPY.positionals,
  options: { keep: COPY.options.keep, 'break-lock': CAREFUL['break-lock'] },
  examples: [["move /data/store ria+ssh://host/data/store '~mydata'"]],
  exits: [3, 4, 5],
  json: ['dataset', 'progress', 'summary'],
  changes: true,
  moves: true,
  deletes: true,
} as const satisfies CommandSpec
