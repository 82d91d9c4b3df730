import { expect, test } from 'vitest'
import type { Hasher } from '../../../src/core/hasher.ts'
import { skein256, skein512 } from '../../../src/core/hashes/skein.ts'

/** From `git annex calckey --backend=SKEIN256` (git-annex 10.20230126) of `content` so long. */
const SKEIN_256: readonly [length: number, hex: string][] = [
  [0, 'c8877087da56e072870daa843f176e9453115929094c3a40c463a196c29bf7ba'],
  [1, '34e2b65bf0be667ca5deba82c37cb253eb9f8474f3426ba622a25219fd182433'],
  [31, '32165a27d2cb4ab089183b8c487b5d4a4735680392f1a92510df43d2e1dd7dfc'],
  [32, '12703997ae8f1011c063e3addefcf3f00c856a1eb1541573b192f73d4896bf16'],
  [33, 'd1d3432a6ea1d48f2d50a1c57180a7f2323938d4e72a8e290e5a75132e3d4613'],
  [63, '92c06c5f5905c1f07a0c4c8a7eee2c370ac20d6df6e59f273d35830049369e09'],
  [64, 'c5f0a766ba12d7c51a23563b76d38a1be9f752f928aed37fb46aa4df27c5aa1c'],
  [65, 'cdf2287028d2c304be23ac998fa40df47c9892501281dfab593558990618092f'],
  [127, '8b0a8653ce3e73337e2654e8db20e953e68daf3649431fbfb491c0b8be41a4db'],
  [128, 'b585f2ac2a41128d8c7db64a9f48464ffbe3173187c42f3728e619e8d89c5e8e'],
  [129, 'dfb6eed5b0ac326564035acdbb8196018fd356fce131b90f23f4f63f94571aef'],
  [1048576, 'f6bbf55b24ed0c9b86216c29aa57ecfc7ec9e209c5f1bad0e7f0ccc219f2e9bd'],
]

/** The same with SKEIN512. */
const SKEIN_512: readonly [length: number, hex: string][] = [
  [
    0,
    'bc5b4c50925519c290cc634277ae3d6257212395cba733bbad37a4af0fa06af41fca7903d06564fea7a2d3730dbdb80c1f85562dfcc070334ea4d1d9e72cba7a',
  ],
  [
    1,
    '40285f433699a1d8c799b276ccf18010c9dc9d418b0e8a4ed987b44c61c01c5ccbcc0977b1d34a4d3665d20e12716df934d208fea6607f74968ed86be3c99832',
  ],
  [
    31,
    '5feec490c4a41c1d54bae187a1e110addc06bd29d66456225e8735188677df3beefb27b3238400c2f02d265eac144331b1135f015cf6c344a14c17e07f90c5e7',
  ],
  [
    32,
    'b040043823187fe435157b10e33293224b24ea957b777dddc2ce4d17e94a1cebdcda0bb2432d80cd375a9b58f8e5d43525a481900daaf7ce28ce669ab260d73d',
  ],
  [
    33,
    '049e25a451a8dabfbdb6b51dc51f64a4d44c271a77dd548e5f07cf66950fe95dad59c0426f85217dfde7603927b77a085f3b76972fc75e5eca4f6f09a077938b',
  ],
  [
    63,
    '403b8b03101e2e1dc669bb54ed4b04c5c6b9cf7a6015f9873fd28466585b8cc9bf4e97df0ed01f08d66615abd8cff1b47f3f613668b37f07765df7feff3d9ee3',
  ],
  [
    64,
    '4ba83dba48fe8d47abd11d25d8c8b938ff67b19d31c34782a7cfba3624b7a9e91b1453a95dd27b0f6d76c24e2f8f41bbd215f9b4e0ea49159b40feba8cbe9f87',
  ],
  [
    65,
    '3f708b0c11d894d9606c8f36bc0d590ceee2191f10c88e2f211ce1e40fc6cc5b32b56738bf929c875ff33775224570324e4993477515676e2384c2622cf8bae4',
  ],
  [
    127,
    '5627885bcba223d0c3dd5f805633de42284190001b74342a0056c13b41b958789ed101cf16c513c1e8b9a993543804a75d5e90e809be9bfe0fb019b6a6d1c619',
  ],
  [
    128,
    'e4db762d536f2c544a52f9b82f6722278e4bef13b3dfaa9f67b407bd3b6aa282f4b11b3b1beea05dc2715d1279863e330a5ffe44843918355bb1197b9e2f6998',
  ],
  [
    129,
    'e71d5b51998d440f3ef65ef9921cbb9a2e6f52a950e227b6c8c165cd1da9002c1a9a5c9a675fe4da4874b9ac30095825189267afde9f0dedfcd7a8375846a577',
  ],
  [
    1048576,
    '063b3daad13fb7c2428ab1326e75282dc84b6fc4e50dd72f8d7d334287207bcd1284ab19f5050070cdbd34d5bdc59a8948e1fe114c50fe86214c3807ebd8ee4a',
  ],
]

const content = (length: number) => Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 255))

function hexOf(hasher: Hasher, bytes: Uint8Array, chunk: number): string {
  for (let i = 0; i < bytes.length; i += chunk) hasher.update(bytes.subarray(i, i + chunk))
  return hasher.hex()
}

test.each(SKEIN_256)('SKEIN256 of %i bytes is what git-annex computed', (length, hex) => {
  expect(hexOf(skein256(), content(length), length || 1)).toBe(hex)
})

test.each(SKEIN_512)('SKEIN512 of %i bytes is what git-annex computed', (length, hex) => {
  expect(hexOf(skein512(), content(length), length || 1)).toBe(hex)
})

test.each([1, 3, 31, 32, 33, 63, 64, 65, 96, 128])(
  'Skein is the same of content that comes in %i bytes at a time',
  (chunk) => {
    const bytes = content(129)
    expect(hexOf(skein256(), bytes, chunk)).toBe(new Map(SKEIN_256).get(129))
    expect(hexOf(skein512(), bytes, chunk)).toBe(new Map(SKEIN_512).get(129))
  },
)

test('Skein hashes of two contents do not disturb each other', () => {
  const [one, other] = [skein512(), skein512()]
  for (let i = 0; i < 129; i++) {
    one.update(content(129).subarray(i, i + 1))
    other.update(content(129).subarray(0, 7))
  }
  expect(one.hex()).toBe(new Map(SKEIN_512).get(129))
})
