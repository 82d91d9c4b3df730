/** What git-annex writes into the configuration of a repository in which it is run. */
const OF_ANNEX = /^\s*(uuid|version)\s*=/i

const ANNEX = /^\s*\[annex\]\s*$/i

/**
 * A git configuration without what makes a repository one of git-annex. All else stays, byte for
 * byte; the section goes when nothing is left in it.
 */
export function withoutAnnex(text: string): string {
  const sections = text.split(/^(?=[ \t]*\[)/m)
  return sections.map((section) => (ANNEX.test(firstLine(section)) ? shortened(section) : section)).join('')
}

function shortened(section: string): string {
  const lines = section.split(/(?<=\n)/).filter((line) => !OF_ANNEX.test(line))
  return lines.slice(1).every((line) => line.trim() === '') ? '' : lines.join('')
}

function firstLine(section: string): string {
  return section.split('\n', 1)[0] ?? ''
}
