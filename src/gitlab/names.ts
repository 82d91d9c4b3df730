import { ConfigError } from '../core/errors.ts'

/** A segment of a path (GitLab's project API; groups are held to it too where they are strict). */
const SEGMENT = /^[a-zA-Z0-9]+([._-][a-zA-Z0-9]+)*$/
const MAX_SEGMENT = 255

/** Names with a meaning of their own in GitLab's addresses (its page on reserved names). */
const RESERVED = new Set(
  'badges blame blob builds commits create create_dir edit files find_file new preview raw refs tree update wikis'.split(
    ' ',
  ),
)
const RESERVED_AT_TOP = new Set(
  (
    'admin api assets dashboard explore files groups help import jwt login oauth profile projects public s search ' +
    'snippets uploads users v2'
  ).split(' '),
)

/**
 * The segments of a project's full path, `group/…/project`. Throws ConfigError for what GitLab
 * would refuse; nothing was sent yet.
 */
export function parseProjectPath(path: string): readonly string[] {
  const segments = path.split('/')
  const [top = '', ...below] = segments
  if (below.length === 0) {
    throw new ConfigError(`the project ${shown(path)} lies in no group: give it as group/…/project`)
  }
  for (const [at, segment] of segments.entries()) {
    const what = at === segments.length - 1 ? 'project' : 'group'
    const reason = objection(segment)
    if (reason !== undefined)
      throw new ConfigError(`the path ${shown(path)}: GitLab has no ${what} ${shown(segment)}: ${reason}`)
  }
  if (RESERVED_AT_TOP.has(top.toLowerCase())) {
    throw new ConfigError(`the path ${shown(path)}: GitLab keeps the name ${top} for itself`)
  }
  return segments
}

function objection(segment: string): string | undefined {
  if (segment === '') return 'a name is empty'
  if (segment.length > MAX_SEGMENT) return `it is longer than ${MAX_SEGMENT} characters`
  if (!SEGMENT.test(segment)) {
    return 'a name has ASCII letters and digits, and single - _ . between them'
  }
  if (/\.(git|atom)$/i.test(segment)) return 'it must not end in .git or .atom'
  return RESERVED.has(segment.toLowerCase()) ? 'GitLab keeps that name for itself' : undefined
}

function shown(text: string): string {
  return JSON.stringify(text)
}
