import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Ajv, type ValidateFunction } from 'ajv'
import { parse } from 'yaml'
import { projectDirectory } from '../programs/programs.ts'

/** A request or an answer, as far as the contract looks at it. */
export interface Exchanged {
  readonly method: string
  /** As it was sent: with its query, and still encoded. */
  readonly path: string
  readonly body: unknown
}

/**
 * Holds requests and answers against fixtures/gitlab-openapi.yaml. Both say what is wrong, or
 * undefined.
 */
export interface Contract {
  request(exchanged: Exchanged): string | undefined
  answer(exchanged: Exchanged, status: number, contentType: string): string | undefined
}

interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query'
  readonly schema: object
}

interface Operation {
  readonly parameters?: readonly unknown[]
  readonly requestBody?: unknown
  readonly responses: Readonly<Record<string, unknown>>
}

type Document = { readonly paths: Record<string, Record<string, unknown>> } & Record<string, unknown>

export async function readContract(): Promise<Contract> {
  const document = parse(await readFile(join(projectDirectory, 'fixtures/gitlab-openapi.yaml'), 'utf8')) as Document
  const ajv = new Ajv({ strict: false, validateSchema: false, validateFormats: false, allErrors: true })
  ajv.addSchema(document, 'gitlab')
  const compiled = new Map<string, ValidateFunction>()
  const says = (pointer: string, value: unknown): string | undefined => {
    const validate = compiled.get(pointer) ?? ajv.compile({ $ref: `gitlab#${pointer}` })
    compiled.set(pointer, validate)
    return validate(value) ? undefined : ajv.errorsText(validate.errors)
  }
  const templates = Object.keys(document.paths).map((template) => ({ template, pattern: patternOf(template) }))
  const find = (method: string, path: string) => {
    const found = templates
      .filter(({ pattern }) => pattern.test(path))
      .sort((one, other) => one.template.split('{').length - other.template.split('{').length)[0]
    if (found === undefined) return undefined
    const operation = document.paths[found.template]?.[method.toLowerCase()] as Operation | undefined
    return operation && { ...found, operation, pointer: `/paths/${escaped(found.template)}/${method.toLowerCase()}` }
  }
  const resolve = <T>(value: unknown, pointer: string): { value: T; pointer: string } => {
    const ref = (value as { $ref?: string })?.$ref
    if (ref === undefined) return { value: value as T, pointer }
    const target = ref
      .slice(2)
      .split('/')
      .reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], document)
    return { value: target as T, pointer: ref.slice(1) }
  }

  return {
    request: ({ method, path, body }) => {
      const [bare = '', query = ''] = path.split('?')
      const found = find(method, bare)
      if (found === undefined) return `${method} ${bare} is none of the calls`
      const shared = document.paths[found.template]?.parameters as readonly unknown[] | undefined
      const parameters = [...(shared ?? []), ...(found.operation.parameters ?? [])].map(
        (each) => resolve<Parameter>(each, '').value,
      )
      for (const [name, value] of new URLSearchParams(query)) {
        const parameter = parameters.find((each) => each.in === 'query' && each.name === name)
        if (parameter === undefined) return `${method} ${bare} has no parameter ${name}`
        if (!ajv.validate(parameter.schema, typed(value))) return `${name}: ${ajv.errorsText()}`
      }
      const [, id] = found.pattern.exec(bare) ?? []
      const idSchema = parameters.find((each) => each.in === 'path' && each.name === 'id')?.schema
      if (id !== undefined && idSchema !== undefined && !ajv.validate(idSchema, typed(decodeURIComponent(id)))) {
        return `id: ${ajv.errorsText()}`
      }
      if (found.operation.requestBody === undefined) return body === undefined ? undefined : 'it has a body'
      if (body === undefined) return method === 'DELETE' ? undefined : 'it has no body'
      return says(`${found.pointer}/requestBody/content/application~1json/schema`, body)
    },
    answer: ({ method, path, body }, status, contentType) => {
      const found = find(method, path.replace(/\?.*$/, ''))
      if (found === undefined) return undefined
      const declared = found.operation.responses[status]
      if (declared === undefined) return `${method} ${found.template} never answers ${status}`
      const { value, pointer } = resolve<{ content?: Record<string, unknown> }>(
        declared,
        `${found.pointer}/responses/${status}`,
      )
      if (value.content === undefined) return undefined
      if (value.content[contentType] === undefined) return `${status} is never ${contentType}`
      return contentType === 'application/json' ? says(`${pointer}/content/application~1json/schema`, body) : undefined
    },
  }
}

function patternOf(template: string): RegExp {
  return new RegExp(`^${template.replace(/\{[^}]+\}/g, '([^/]+)')}$`)
}

function escaped(segment: string): string {
  return segment.replaceAll('~', '~0').replaceAll('/', '~1')
}

/** A value of a query or a path as the type that it looks like. */
function typed(value: string): unknown {
  if (/^-?[0-9]+$/.test(value)) return Number(value)
  if (value === 'true' || value === 'false') return value === 'true'
  return value
}
