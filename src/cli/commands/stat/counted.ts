import type { DatasetTotals } from '../../../admin/inventory/totals.ts'

/** A dataset and what it takes up. */
export type Counted = DatasetTotals & { readonly dataset: string }
