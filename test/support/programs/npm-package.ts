import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { projectDirectory } from './programs.ts'
import { runOk } from './run.ts'

/** Of scripts/package/contents.mjs, which has no types. */
interface Contents {
  copy(from: string, to: string): Promise<void>
  writeContents(directory: string, platforms: readonly string[]): Promise<void>
}

/** npm's settings for a program that may not ask a registry. */
export const OFFLINE: NodeJS.ProcessEnv = {
  npm_config_offline: 'true',
  npm_config_audit: 'false',
  npm_config_fund: 'false',
  npm_config_update_notifier: 'false',
}

/**
 * Makes the package for npm below `directory`, as `npm run package` does, for this machine alone:
 * so nothing has to be fetched. Returns the path of the tarball, which npm installs offline.
 */
export async function packForNpm(directory: string, env: NodeJS.ProcessEnv): Promise<string> {
  const script = pathToFileURL(join(projectDirectory, 'scripts/package/contents.mjs')).href
  const contents = (await import(script)) as Contents
  const content = join(directory, 'npm-package')
  await mkdir(content)
  await contents.writeContents(content, [])
  // What npm installed here: the library, and its machine code for this platform.
  const libraries = 'node_modules/@napi-rs'
  for (const name of await readdir(join(projectDirectory, libraries))) {
    await contents.copy(join(projectDirectory, libraries, name), join(content, libraries, name))
  }
  const words = ['pack', content, '--json', '--ignore-scripts', '--pack-destination', directory]
  const [{ filename }] = JSON.parse((await runOk('npm', words, { env, cwd: directory })).stdout) as [
    { filename: string },
  ]
  return join(directory, filename)
}
