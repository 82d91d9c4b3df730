/**
 * A user name, then a password to the last `@`: one that should have been escaped (`@ / ? #`) must
 * not show either, rather is too much cut off. After a colon that begins a port there is none.
 */
const USER_AND_PASSWORD = /^([a-z][a-z0-9+.-]*:\/\/)([^/?#@:[]*):(?![0-9]*(?:[/?#]|$)).*@/is

/**
 * A URL for people, logs and files: without its password. A user name stays, it names who is
 * refused. Text that is no URL comes back unchanged.
 */
export function withoutPassword(url: string): string {
  return url.replace(USER_AND_PASSWORD, (_all, scheme: string, user: string) => `${scheme}${user}${user && '@'}`)
}
