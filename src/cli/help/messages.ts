import { wrap } from './wrap.ts'

/** A row of docs/troubleshooting.md: what is said, why, and what to do. */
export interface MessageEntry {
  /** As the page has it: `<name>` stands for anything. */
  readonly shown: string
  /** Each of them is in what a user may see. */
  readonly messages: readonly string[]
  readonly cause: string
  readonly remedy: string
}

/** Fewer letters are in too many messages. */
const LEAST_LETTERS = 4

/** A message that is only like what was asked for has so much of its words. */
const ALIKE = 0.6

/** Reads the tables of the page whose first column is `message`. */
export function parseMessages(page: string): readonly MessageEntry[] {
  const entries: MessageEntry[] = []
  let isTable = false
  for (const line of page.split('\n')) {
    if (!line.startsWith('|')) isTable = false
    else if (/^\| *message *\|/.test(line)) isTable = true
    else if (isTable && !/^\|[-|\s]*\|$/.test(line)) {
      const [shown = '', cause = '', remedy = ''] = line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('\\|', '|'))
      const messages = [...shown.matchAll(/`([^`]+)`/g)].map(([, message]) => message ?? '')
      entries.push({ shown: plain(shown), messages, cause: plain(cause), remedy: plain(remedy) })
    }
  }
  return entries
}

/**
 * The entries for what a program said, the best first: those whose message is in it, else those
 * that have it in theirs, else the three that are most alike.
 */
export function findMessages(entries: readonly MessageEntry[], said: string): readonly MessageEntry[] {
  const asked = normalized(said)
  if (asked.length < LEAST_LETTERS) return []
  const best = (score: (message: string) => number) =>
    entries
      .map((entry) => ({ entry, score: Math.max(0, ...entry.messages.map(score)) }))
      .filter(({ score }) => score > 0)
      .sort((a, b) => b.score - a.score)
      .map(({ entry }) => entry)
  const within = best((message) => (patternOf(message).test(asked) ? message.length : 0))
  if (within.length > 0) return within
  const around = best((message) => (normalized(message).includes(asked) ? 1 : 0))
  return around.length > 0 ? around : best((message) => likeness(asked, normalized(message))).slice(0, 3)
}

/** Without what only tells apart how something was typed or shown. */
function normalized(text: string): string {
  return text.toLowerCase().replace(/[‘’]/g, "'").replace(/\s+/g, ' ').trim()
}

function patternOf(message: string): RegExp {
  const parts = normalized(message).split(/<[^<>]*>|…/)
  return new RegExp(parts.map((part) => part.replace(/[^\w\s]/g, '\\$&')).join('.*'))
}

/** How much of the words of each is in the other; 0 where that is little. */
function likeness(asked: string, message: string): number {
  const words = (text: string) => new Set(text.replace(/<[^<>]*>/g, ' ').match(/[\w-]{3,}/g) ?? [])
  const [ofAsked, ofMessage] = [words(asked), words(message)]
  const both = [...ofMessage].filter((word) => ofAsked.has(word)).length
  const part = both / Math.max(1, Math.min(ofMessage.size, ofAsked.size))
  return both > 1 && part >= ALIKE ? part * both : 0
}

/** The text of a cell without Markdown; of a link, its page. */
function plain(cell: string): string {
  return cell
    .replace(/\[([^\]]+)\]\(([^)\s]+)\)/g, (_all, text: string, target: string) =>
      /^[a-z]+:/.test(target)
        ? `${text} (${target})`
        : `${text} (docs/${target.startsWith('#') ? 'troubleshooting.md' : target.replace(/#.*/, '')})`,
    )
    .replaceAll('`', '')
}

/** What is known of messages, for people. */
export function showMessages(entries: readonly MessageEntry[], columns: number): string {
  const indented = (text: string) => wrap(text, columns - 4).map((line) => `    ${line}`)
  const parts = entries.flatMap(({ shown, cause, remedy }) => [
    ...wrap(shown, columns),
    ...indented(cause),
    ...indented(`What to do: ${remedy}`),
    '',
  ])
  return parts.join('\n').trimEnd()
}
