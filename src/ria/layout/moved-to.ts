/** Where a dataset was moved to. */
export interface MovedTo {
  /** Of the store, as its clones have to name it. */
  readonly url: string
  /** What git-annex's records call its storage sibling, or the uuid; undefined: it has none. */
  readonly sibling?: string | undefined
}

/** Of a store. Its path may have any character. */
const ADDRESS = /^ria\+[a-z0-9+]+:\/\/./

/**
 * Where a dataset was moved to, as a file in a store has it, which anybody may have written who can
 * write there. Undefined for what is no address.
 */
export function asMovedTo(url: unknown, sibling: unknown): MovedTo | undefined {
  if (typeof url !== 'string' || !ADDRESS.test(url)) return undefined
  return { url, sibling: typeof sibling === 'string' && isName(sibling) ? sibling : undefined }
}

/** Whether git-annex takes a word for the name of a remote, and not for an option. */
export const isName = (text: string) => /^[^-]/.test(text)

/**
 * What has to be told to each clone of a dataset that lies in `directory` of another store now:
 * commands for a shell, in which SIBLING is what the clone calls it.
 */
export function commandsForClones({ url, sibling }: MovedTo, directory: string): readonly string[] {
  const git = url.startsWith('ria+file://') ? url.slice('ria+file://'.length) : url.slice('ria+'.length)
  const enable = sibling && `git annex enableremote ${word(sibling)} ${word(`url=${url}`)}`
  return [`git remote set-url SIBLING ${word(`${git}/${directory}`)}`, ...(enable === undefined ? [] : [enable])]
}

/** Whoever pushes can name a sibling: for a shell it has to be one word. */
function word(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
