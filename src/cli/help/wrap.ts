/** Breaks a paragraph at spaces into lines of so many columns; a longer word stays whole. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/\s+/).filter((each) => each !== '')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line)
      line = ''
    }
    line = line === '' ? word : `${line} ${word}`
  }
  return line === '' ? lines : [...lines, line]
}

/** Terms on the left, what they mean beside them, or below where there is no room. */
export function definitions(rows: readonly (readonly [term: string, means: string])[], columns: number): string[] {
  const widest = Math.max(0, ...rows.map(([term]) => term.length).filter((length) => length <= MOST_TERM))
  const indent = columns < NARROW ? 6 : widest + 4
  return rows.flatMap(([term, means]) => {
    const lines = wrap(means, columns - indent).map((line) => ' '.repeat(indent) + line)
    const [first = '', ...rest] = lines
    if (term.length + 4 > indent) return [`  ${term}`, ...lines]
    return [`  ${term.padEnd(indent - 4)}  ${first.trimStart()}`.trimEnd(), ...rest]
  })
}

const [MOST_TERM, NARROW] = [26, 60]
