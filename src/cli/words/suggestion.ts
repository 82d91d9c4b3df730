/** The known word that somebody who wrote `word` may have meant; undefined: none is near. */
export function suggestion(word: string, known: readonly string[]): string | undefined {
  const most = Math.max(1, Math.floor(word.length / 3))
  let best: { readonly name: string; readonly distance: number } | undefined
  for (const name of known) {
    const distance = word.length > 1 && name.startsWith(word) ? 0.5 : editDistance(word, name)
    if (distance <= most && (best === undefined || distance < best.distance)) best = { name, distance }
  }
  return best?.name
}

/**
 * So many letters have to be put in, left out, replaced, or swapped with their neighbour
 * (Damerau-Levenshtein, each stretch changed once).
 */
function editDistance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) => [i])
  const at = (i: number, j: number) => rows[i]?.[j] ?? j
  for (let i = 0; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const row = rows[i]
      if (row === undefined) continue
      if (i === 0) {
        row[j] = j
        continue
      }
      const same = a[i - 1] === b[j - 1]
      row[j] = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + (same ? 0 : 1))
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (swapped) row[j] = Math.min(row[j] ?? 0, at(i - 2, j - 2) + 1)
    }
  }
  return at(a.length, b.length)
}
