/**
 * Splits a command as a POSIX shell does, without doing anything else; undefined where a quote is
 * not closed.
 */
export function splitWords(command: string): string[] | undefined {
  const words: string[] = []
  let word: string | undefined
  let quote = ''
  for (let at = 0; at < command.length; at++) {
    const character = command.charAt(at)
    if (quote === "'") {
      if (character === "'") quote = ''
      else word += character
    } else if (character === '\\') {
      at += 1
      const next = command.charAt(at)
      if (next === '') return undefined
      word = (word ?? '') + (quote === '"' && !'"\\'.includes(next) ? `\\${next}` : next)
    } else if (quote === '"') {
      if (character === '"') quote = ''
      else word += character
    } else if (character === '"' || character === "'") {
      quote = character
      word ??= ''
    } else if (/\s/.test(character)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else {
      word = (word ?? '') + character
    }
  }
  if (quote !== '') return undefined
  return word === undefined ? words : [...words, word]
}
