import { expect, test } from 'vitest'
import { checkBucket } from '../../../src/admin/doctor/s3.ts'
import type { Finding } from '../../../src/core/finding.ts'
import { Findings } from '../../../src/core/finding.ts'
import type { S3Probe } from '../../../src/store/s3/probe.ts'

test('a bucket without lifecycle rules is told what riastore init tries, and what to do where that is refused', async () => {
  const findings: Finding[] = []
  const probe = {
    host: 's3.example.org',
    bucket: 'bucket',
    prefix: 'store/',
    versioning: async () => 'off',
    lifecycle: async () => ({ rules: 0, staleUploadDays: undefined, deleting: [] }),
    uploadsOlderThan: async () => 0,
  } as unknown as S3Probe
  await checkBucket(new Findings((finding) => findings.push(finding)), probe, {})
  expect(findings.find(({ check }) => check === 'lifecycle')?.why).toBe(
    'uploads that nobody finishes are kept, and paid for, for ever: riastore init tries to set that, else have the owner of the bucket bucket add a lifecycle rule with the prefix store/ with AbortIncompleteMultipartUpload after 7 days',
  )
})
