import { writeFile } from 'node:fs/promises'
import type { Workspace } from '../worlds/workspace.ts'

/**
 * Makes programs of node believe, by what NODE_OPTIONS gives them, that they run on `platform`, and
 * that there is no /proc. Returns the environment for them.
 */
export async function envElsewhere(workspace: Workspace, platform: string): Promise<NodeJS.ProcessEnv> {
  const file = workspace.path(`${platform}.cjs`)
  await writeFile(file, pretend(platform))
  return { ...workspace.env, NODE_OPTIONS: `--require=${file}` }
}

function pretend(platform: string): string {
  return `
Object.defineProperty(process, 'platform', { value: '${platform}' })
const fs = require('node:fs')
const isProc = (path) => /^\\/proc(\\/|$)/.test(String(path))
const absent = (path) => Object.assign(new Error('ENOENT: no such file or directory, ' + path), { code: 'ENOENT' })
for (const [functions, how] of [
  [fs, (path) => { throw absent(path) }],
  [fs.promises, async (path) => { throw absent(path) }],
]) {
  for (const name of Object.keys(functions)) {
    const real = functions[name]
    if (typeof real !== 'function' || /^[A-Z_]/.test(name)) continue
    const also = Object.getOwnPropertyDescriptors(real)
    functions[name] = function (path, ...rest) {
      if (!isProc(path)) return real.call(this, path, ...rest)
      const done = rest.at(-1)
      if (name === 'existsSync') return false
      if (typeof done === 'function') return process.nextTick(done, absent(path))
      return how(path)
    }
    for (const key of Reflect.ownKeys(also)) {
      if (!['length', 'name', 'prototype'].includes(key)) Object.defineProperty(functions[name], key, also[key])
    }
  }
}
`
}
