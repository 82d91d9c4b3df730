/**
 * What a terminal acts on instead of showing it: control characters, halves of surrogate pairs
 * (bytes of a name that are no UTF-8), and the characters that end a line or turn the order around
 * in which text is shown.
 */
const UNSAFE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu
const PLAIN = /^[ -~]*$/

/**
 * Text on one line that is safe to show on a terminal, whoever wrote it. What is not becomes
 * `\u001b`, which in JSON means the very character: JSON stays what it is. What was made safe is
 * not changed again.
 */
export function printable(text: string): string {
  return PLAIN.test(text) ? text : text.replace(UNSAFE, escapeOf)
}

/** The same for text of several lines, in which tabs may stand. */
export function printableLines(text: string): string {
  return text.replace(UNSAFE, (character) =>
    character === '\n' || character === '\t' ? character : escapeOf(character),
  )
}

function escapeOf(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
