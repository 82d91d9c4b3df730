import { execFileSync } from 'node:child_process'

/**
 * Runs a program and returns what it printed. Throws Error with its name and the end of what it
 * said.
 */
export function run(program, words, { cwd, env = process.env, input } = {}) {
  try {
    return execFileSync(program, words, {
      cwd,
      env,
      input,
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', 'pipe'],
      maxBuffer: 64 * 1024 * 1024,
    })
  } catch (error) {
    const said = `${error.stderr ?? ''}`.trim().split('\n').slice(-5).join('; ')
    throw new Error(`${program} ${words[0] ?? ''}: ${said || error.message}`)
  }
}
