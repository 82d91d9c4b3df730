/** Of 7-Zip: major and minor number. */
export interface SevenZipVersion {
  readonly major: number
  readonly minor: number
}

/**
 * The oldest 7-Zip that is given an archive which somebody else may have made. In older ones a 7z
 * archive can write outside memory (CVE-2023-31102, in PPMd, up to 22.01; CVE-2016-9296, in the end
 * header, p7zip 16.02) or keep the program busy for ever (CVE-2024-11612, in Copy, up to 24.07).
 * What later versions mended (up to 26.02) is in other formats, which `-t7z` shuts out.
 */
export const MINIMUM: SevenZipVersion = { major: 24, minor: 8 }

/**
 * Reads the version in what a 7-Zip program prints first, `7-Zip (z) 26.02 (x64) : Copyright …`;
 * undefined when there is none.
 */
export function parseVersion(printed: string): SevenZipVersion | undefined {
  const [, major, minor] = /^7-Zip\b[^\n:]*?\b(\d+)\.(\d+)/m.exec(printed) ?? []
  return major === undefined || minor === undefined ? undefined : { major: Number(major), minor: Number(minor) }
}

/** Whether a program of this version may be given what somebody else made. */
export function isSafe(version: SevenZipVersion | undefined): boolean {
  if (version === undefined) return false
  const { major, minor } = MINIMUM
  return version.major > major || (version.major === major && version.minor >= minor)
}

/** `24.08`. */
export function showVersion({ major, minor }: SevenZipVersion): string {
  return `${major}.${String(minor).padStart(2, '0')}`
}

/** What to do when there is none, for the end of a message. */
export const INSTALL_HINT = `install 7-Zip ${showVersion(MINIMUM)} or newer (the package 7zip)`

/** Why a program is not given what somebody else made, and what to do. */
export function tooOld(program: string, version: SevenZipVersion | undefined): string {
  const what = version === undefined ? 'does not tell its version' : `is 7-Zip ${showVersion(version)}`
  return `${program} ${what}, which is not safe with archives that others may have made: ${INSTALL_HINT}`
}
