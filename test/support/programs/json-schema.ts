import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { projectDirectory } from './programs.ts'

const text = readFileSync(join(projectDirectory, 'docs/json-schema.json'), 'utf8')

/** docs/json-schema.json. */
export const jsonSchema: { readonly definitions: Record<string, unknown> } = JSON.parse(text)

const validate = new Ajv({ strict: false, allErrors: true }).compile(jsonSchema)

/** The objects that a command printed with --json. Throws where one is not as the schema says. */
export function parseJsonLines(stdout: string): Record<string, unknown>[] {
  const lines = stdout.split('\n').filter((line) => line !== '')
  return lines.map((line, i) => {
    const object = JSON.parse(line)
    const faults = validate(object) ? [] : (validate.errors ?? [])
    const said = faults.map(({ instancePath, message }) => `${instancePath} ${message}`)
    if ((object.schema === undefined) === (i === 0)) said.push('schema has to be in the first line, and only there')
    if (line.includes(':null')) said.push('null is nowhere')
    if (said.length > 0) throw new Error(`${line}: ${said.join('; ')}`)
    return object
  })
}
