// The order in which vitest starts test files: those first that take long, so that none of them
// runs alone at the end. vitest itself knows only the sizes of the files, and the shortest files
// are among those that take longest.
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/**
 * Seconds of the longest on two cores, as the end of a run prints them. They need not be exact: a
 * file that is not named here starts after these.
 */
const SECONDS: Readonly<Record<string, number>> = {
  'test/e2e/create-sibling-compare.test.ts': 65,
  'test/e2e/bulk-get.test.ts': 61,
  'test/e2e/create-sibling.test.ts': 60,
  'test/e2e/truth-network.test.ts': 60,
  'test/e2e/git-remote.test.ts': 56,
  'test/e2e/commit.test.ts': 55,
  'test/e2e/killed.test.ts': 55,
  'test/programs/conformance/dav.test.ts': 42,
  'test/e2e/interop.test.ts': 40,
  'test/e2e/archives.test.ts': 40,
  'test/e2e/s3-archive.test.ts': 39,
  'test/e2e/archive-cli.test.ts': 37,
  'test/e2e/site.test.ts': 35,
  'test/e2e/bulk-put.test.ts': 35,
  'test/e2e/create-sibling-records.test.ts': 33,
  'test/e2e/daily-life.test.ts': 30,
  'test/e2e/create-sibling-failure.test.ts': 30,
  'test/e2e/archive-killed.test.ts': 30,
  'test/e2e/truth.test.ts': 30,
  'test/e2e/settings.test.ts': 30,
  'test/e2e/s3.test.ts': 30,
  'test/programs/conformance/sftp.test.ts': 28,
  'test/e2e/site-docs.test.ts': 28,
  'test/e2e/demo.test.ts': 27,
  'test/e2e/s3-transfer.test.ts': 27,
  'test/e2e/bulk-get-stores.test.ts': 25,
  'test/e2e/git-on-s3.test.ts': 25,
  'test/programs/conformance/s3.test.ts': 22,
  'test/e2e/archive-load.test.ts': 20,
  'test/e2e/archive-interop.test.ts': 20,
  'test/programs/admin/copy/copy.test.ts': 20,
  'test/programs/store/s3/upload.test.ts': 20,
  'test/programs/admin/compaction/clients-meanwhile.test.ts': 16,
  'test/programs/archive/decode/damaged.test.ts': 16,
  'test/programs/ria/keys/archived.test.ts': 16,
}
/** Of the others, by what they run. */
const USUAL: readonly (readonly [string, number])[] = [
  ['test/e2e/', 15],
  ['test/programs/', 5],
]

/** `name`: from the top of the project. */
function secondsOf(name: string): number {
  return SECONDS[name] ?? USUAL.find(([directory]) => name.startsWith(directory))?.[1] ?? 1
}

export class LongestFirst extends BaseSequencer {
  override async sort(specifications: TestSpecification[]): Promise<TestSpecification[]> {
    const seconds = (specification: TestSpecification) =>
      secondsOf(specification.moduleId.slice(specification.project.config.root.length + 1))
    // Of equals, vitest's own order.
    return (await super.sort(specifications)).toSorted((one, other) => seconds(other) - seconds(one))
  }
}
