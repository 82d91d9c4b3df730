import { ConfigError } from '../../../core/errors.ts'
import { type AccessRules, makeToken, NO_RULES, readRules, writeRules } from '../../../serve/access-file.ts'
import type { ArgsOf } from '../../command.ts'
import type { Console } from '../../console.ts'
import { EXIT } from '../../exit-codes.ts'
import { parseAge } from '../../quantities.ts'
import type { SERVE_TOKEN } from '../../table/serve.ts'

type Args = ArgsOf<typeof SERVE_TOKEN>

/** `riastore serve token` */
export async function run(console: Console, args: Args): Promise<number> {
  const { access, action } = args
  const rules = (await readRules(access)) ?? (action === 'make' ? NO_RULES : undefined)
  if (rules === undefined) throw new ConfigError(`there is no ${access}`)
  if (action === 'ls') list(console, rules)
  else if (action === 'make') await make(console, rules, args)
  else await revoke(console, rules, args)
  return EXIT.done
}

function list(console: Console, { tokens }: AccessRules): void {
  for (const [name, { datasets, made, expires }] of Object.entries(tokens)) {
    const isOver = expires !== undefined && Date.parse(expires) <= Date.now()
    const until = expires === undefined ? 'does not expire' : `${isOver ? 'expired' : 'expires'} ${day(expires)}`
    const text = `${name}  ${datasets.join(' ')}  made ${day(made)}  ${until}`
    console.show({ type: 'token', action: 'ls', name, datasets, made, expires }, text)
  }
}

async function make(console: Console, rules: AccessRules, args: Args): Promise<void> {
  const name = requireName(args)
  if (Object.hasOwn(rules.tokens, name)) throw new ConfigError(`there is a token ${name} already: rm revokes it`)
  const expiresMs = args.expires === 'never' ? undefined : parseAge('expires', args.expires)
  const { token, stored } = makeToken(args.dataset ?? ['*'], new Date(), expiresMs)
  const dryRun = args.dryRun === true
  if (!dryRun) await writeRules(args.access, { ...rules, tokens: { ...rules.tokens, [name]: stored } })
  const { datasets, expires } = stored
  const shown = { type: 'token', action: 'make', dryRun, name, datasets, expires } as const
  if (dryRun) console.report(shown, `would make a token ${name}`)
  else console.show({ ...shown, token }, token)
}

async function revoke(console: Console, rules: AccessRules, args: Args): Promise<void> {
  const name = requireName(args)
  const { [name]: gone, ...tokens } = rules.tokens
  if (gone === undefined || !Object.hasOwn(rules.tokens, name)) throw new ConfigError(`there is no token ${name}`)
  const dryRun = args.dryRun === true
  if (!dryRun) await writeRules(args.access, { ...rules, tokens })
  console.report({ type: 'token', action: 'rm', dryRun, name }, `${dryRun ? 'would revoke' : 'revoked'} ${name}`)
}

function requireName({ name, action }: Args): string {
  if (name === undefined) throw new ConfigError(`which token? riastore serve token ${action} NAME`)
  if (!/^[\w.@-]{1,64}$/.test(name) || name === '__proto__') {
    throw new ConfigError(`${JSON.stringify(name)} is no name of a token: letters, digits and . _ - @, 64 at most`)
  }
  return name
}

function day(time: string): string {
  return time.slice(0, 10)
}
