import type { DatasetFacts } from '../../../admin/inventory/facts.ts'

/** A dataset, and how deep it is below one that is no subdataset of another. */
export interface TreeNode {
  readonly facts: DatasetFacts
  readonly depth: number
}

/**
 * Puts subdatasets below the datasets that have them, in the order of these. One that several have
 * comes below each; one that is its own ancestor comes once.
 */
export function* asTree(all: readonly DatasetFacts[]): Generator<TreeNode, void, void> {
  const byId = new Map(all.map((facts) => [facts.id, facts]))
  const below = new Set(
    all.flatMap(({ id, subdatasets = [] }) => subdatasets.map((sub) => sub.id).filter((sub) => sub !== id)),
  )
  const shown = new Set<string>()
  const walk = function* (facts: DatasetFacts, above: readonly string[]): Generator<TreeNode, void, void> {
    if (above.includes(facts.id)) return
    shown.add(facts.id)
    yield { facts, depth: above.length }
    for (const { id } of facts.subdatasets ?? []) {
      const child = byId.get(id)
      if (child !== undefined) yield* walk(child, [...above, facts.id])
    }
  }
  for (const facts of all) if (!below.has(facts.id)) yield* walk(facts, [])
  // Those that are in a circle, which nothing leads to from outside.
  for (const facts of all) if (!shown.has(facts.id)) yield* walk(facts, [])
}
