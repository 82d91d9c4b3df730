/** An option of a command, by its long name in an OptionTable. */
export interface OptionSpec {
  /** `flag` has no value, `text` has one and counts as given last, `list` may be repeated. */
  readonly type: 'flag' | 'text' | 'list'
  readonly short?: string
  /** What stands for the value in help: `AGE`. Default: VALUE, or the choices. */
  readonly value?: string
  readonly choices?: readonly string[]
  readonly describe: string
  /** The value where the option is not given; a flag that is on is turned off by `--no-…`. */
  readonly byDefault?: string | true
  /** What is said where the option is missing, which has to be given. */
  readonly required?: string
  /** The heading in help below which it stands. Default: Options. */
  readonly group?: string
}

export type OptionTable = Readonly<Record<string, OptionSpec>>

/** A word of a command line that is no option, or (`many`) all that follow. */
export interface PositionalSpec {
  readonly name: string
  readonly describe: string
  readonly many?: true
  readonly choices?: readonly string[]
  /** What is said where it is missing, which has to be given. */
  readonly required?: string
}

/** What a command writes as JSON: the types of its objects, see docs/json-schema.json. */
export type JsonType =
  | 'access'
  | 'alias'
  | 'commit'
  | 'dataset'
  | 'failure'
  | 'file'
  | 'finding'
  | 'key'
  | 'link'
  | 'mount'
  | 'note'
  | 'procedure'
  | 'progress'
  | 'server'
  | 'sibling'
  | 'site'
  | 'store'
  | 'store-name'
  | 'summary'
  | 'token'

/**
 * A command, or a subcommand: all that its parser, its help, its man page, its completion and
 * docs/command-line.md say of it. Options that every command has are not in it. What it does is in
 * src/cli/commands/, see modules.ts.
 */
export interface CommandSpec {
  /** `archive`, `site add`. */
  readonly name: string
  /** Names that it had, which go on working: `site list`. */
  readonly formerly?: readonly string[]
  /** Half a sentence in the imperative, without a full stop. */
  readonly summary: string
  /** What stands behind the name in the first line of help: `[options] STORE [DATASET…]`. */
  readonly usage: string
  /** Paragraphs. */
  readonly description: readonly string[]
  readonly positionals: readonly PositionalSpec[]
  readonly options: OptionTable
  /** Options that do not go together with this one, by its name. */
  readonly conflicts?: Readonly<Record<string, readonly string[]>>
  /** Command lines without the program's name, and what they do, if that has to be said. */
  readonly examples: readonly (readonly [line: string, what?: string])[]
  /** Exit codes that it has besides 0, 1, 2 and those of an interrupt. */
  readonly exits?: readonly (3 | 4 | 5)[]
  /** Types of its JSON besides `note` and `error`; none: it has no --json. */
  readonly json: readonly JsonType[]
  /** It changes something, so it has --dry-run. */
  readonly changes?: true
  /** It moves content, so it has --jobs and --bwlimit. */
  readonly moves?: true
  /** What is gone afterwards is gone, so it asks, and without a terminal wants --yes. */
  readonly deletes?: true
  /** It works on the datasets of a store, which --shard splits. */
  readonly splits?: true
  /** What a run that was cut had finished can be left out: it has --resume. */
  readonly resumes?: true
  /** git-annex's matching options are passed on to it, as `matching`. */
  readonly matching?: true
  /** Not shown in help. */
  readonly hidden?: true
}

/** Commands that begin with the same word. */
export interface GroupSpec {
  readonly name: string
  readonly summary: string
}

/** What was given, by option and positional in camel case; one that was not given is absent. */
export type GivenArgs = Readonly<Record<string, string | boolean | number | readonly string[] | undefined>>

/** What stands for the value of an option in help. */
export function placeholder({ value, choices }: OptionSpec): string {
  return value ?? choices?.join('|') ?? 'VALUE'
}

/** `dry-run` is `dryRun`. */
export function camelCase(name: string): string {
  return name.replace(/-(\w)/g, (_dash, letter: string) => letter.toUpperCase())
}

type Camel<Name extends string> = Name extends `${infer First}-${infer Rest}`
  ? `${First}${Capitalize<Camel<Rest>>}`
  : Name

type TextOf<Spec> = Spec extends { readonly choices: readonly (infer Choice)[] } ? Choice : string

type Given<Spec, Value> = Spec extends { readonly byDefault: unknown } | { readonly required: string }
  ? Value
  : Value | undefined

type OptionValue<Spec> = Spec extends { readonly type: 'flag' }
  ? Given<Spec, boolean>
  : Spec extends { readonly type: 'list' }
    ? readonly string[] | undefined
    : Given<Spec, TextOf<Spec>>

type PositionalValue<Spec> = Spec extends { readonly many: true } ? readonly TextOf<Spec>[] : Given<Spec, TextOf<Spec>>

type If<Spec, Key extends string, Then> = Spec extends Readonly<Record<Key, true>> ? Then : unknown

/** What a command gets of its command line, by its table. */
export type ArgsOf<Spec extends CommandSpec> = {
  readonly [Name in keyof Spec['options'] & string as Camel<Name>]: OptionValue<Spec['options'][Name]>
} & {
  readonly [Each in Spec['positionals'][number] as Camel<Each['name']>]: PositionalValue<Each>
} & If<Spec, 'changes', { readonly dryRun: boolean | undefined }> &
  If<Spec, 'deletes', { readonly yes: boolean | undefined }> &
  If<Spec, 'moves', { readonly jobs: string | undefined; readonly bwlimit: string | undefined }> &
  If<Spec, 'splits', { readonly shard: string | undefined }> &
  If<Spec, 'resumes', { readonly resume: boolean | undefined; readonly state: string | undefined }> &
  If<Spec, 'matching', { readonly matching: readonly string[] }>
