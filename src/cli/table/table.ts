import type { CommandSpec, GroupSpec } from '../command.ts'
import { ALIAS_LS, ALIAS_MV, ALIAS_RM, ALIAS_SET } from './alias.ts'
import { ARCHIVE } from './archive.ts'
import { GET, PUT } from './bulk.ts'
import { COMMIT } from './commit.ts'
import { COPY, MOVE } from './copy.ts'
import { CREATE_SIBLING } from './create-sibling.ts'
import { CREATE_SIBLING_GITLAB } from './create-sibling-gitlab.ts'
import { DEDUP, GC, UNUSED } from './gc.ts'
import { COMPLETE, COMPLETION, HELP, WRITE_MANUAL } from './help.ts'
import { CAT, CHECK, LS, REPAIR } from './inventory.ts'
import { MOUNT } from './mount.ts'
import { STORE_ADD, STORE_LS, STORE_RM, STORE_SET } from './named-store.ts'
import { CATALOG, SERVE, SERVE_TOKEN } from './serve.ts'
import { SHOW } from './show.ts'
import { PROCEDURE, SITE_ADD, SITE_CHECK, SITE_LS, SITE_RM, SITE_SHOW } from './site.ts'
import { STAT } from './stat.ts'
import { DOCTOR, INIT } from './store.ts'
import { THAW } from './thaw.ts'
import { RESTORE, RM } from './trash.ts'
import { UNARCHIVE } from './unarchive.ts'
import { URL_TO_KEY } from './url.ts'

/** All commands, in the order of help. */
export const COMMANDS: readonly CommandSpec[] = [
  INIT,
  DOCTOR,
  LS,
  SHOW,
  CAT,
  STAT,
  CHECK,
  REPAIR,
  ARCHIVE,
  UNARCHIVE,
  GC,
  COPY,
  MOVE,
  UNUSED,
  DEDUP,
  RM,
  RESTORE,
  THAW,
  GET,
  PUT,
  COMMIT,
  SERVE,
  SERVE_TOKEN,
  CATALOG,
  MOUNT,
  URL_TO_KEY,
  CREATE_SIBLING,
  CREATE_SIBLING_GITLAB,
  PROCEDURE,
  ALIAS_LS,
  ALIAS_SET,
  ALIAS_MV,
  ALIAS_RM,
  STORE_ADD,
  STORE_SET,
  STORE_LS,
  STORE_RM,
  SITE_ADD,
  SITE_LS,
  SITE_SHOW,
  SITE_RM,
  SITE_CHECK,
  COMPLETION,
  HELP,
  COMPLETE,
  WRITE_MANUAL,
]

/** The words that several commands begin with. */
export const GROUPS: readonly GroupSpec[] = [
  { name: 'alias', summary: 'Give datasets names' },
  { name: 'store', summary: 'Give stores names' },
  { name: 'site', summary: 'Set up what datalad create -c NAME does here' },
]
