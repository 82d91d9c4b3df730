import { expect, test } from 'vitest'
import { isSafe, parseVersion, showVersion } from '../../../src/archive/seven-zip/version.ts'

test.each([
  ['7-Zip (z) 26.02 (x64) : Copyright (c) 1999-2026 Igor Pavlov', '26.02', true],
  ['\n7-Zip [64] 16.02 : Copyright\np7zip Version 16.02 (locale=C)', '16.02', false],
  ['\n7-Zip [64] 26.02 : Copyright\np7zip Version 16.02 (locale=C)', '26.02', true],
  ['7-Zip (a) [64] 17.05 : Copyright', '17.05', false],
  ['7-Zip 9.20  Copyright', '9.20', false],
  ['7-Zip (z) 24.07 (arm64)', '24.07', false],
  ['7-Zip (z) 24.08 (arm64)', '24.08', true],
  ['7-Zip (z) 24.09 ZS v1.5.6 R3 (x64)', '24.09', true],
  ['7-Zip 100.00 (x64)', '100.00', true],
  ['sh: 7z: not found', undefined, false],
  ['7-Zip : 26.02', undefined, false],
  ['', undefined, false],
])('%j is version %s, new enough for what others may have made: %j', (printed, shown, safe) => {
  const version = parseVersion(printed)
  expect(version && showVersion(version)).toBe(shown)
  expect(isSafe(version)).toBe(safe)
})
