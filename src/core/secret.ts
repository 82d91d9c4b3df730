/**
 * A URL for people, logs and files: without its password. A user name stays, it names who is refused.
 * Text that is no URL comes back unchanged.
 */
export function withoutPassword(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)([^/?#]*)@/i, (_all, scheme: string, user: string) => {
    const name = user.split(':', 1)[0] ?? ''
    return name === '' ? scheme : `${scheme}${name}@`
  })
}
