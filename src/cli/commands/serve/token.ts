import { ConfigError } from '../../../core/errors.ts'
import { type AccessRules, changeRules, makeToken, NO_RULES, readRules } from '../../../serve/access-file.ts'
import type { ArgsOf } from '../../command.ts'
import type { Console } from '../../console.ts'
import { EXIT } from '../../exit-codes.ts'
import { parseAge } from '../../quantities.ts'
import type { SERVE_TOKEN } from '../../table/serve.ts'

type Args = ArgsOf<typeof SERVE_TOKEN>

/** `riastore serve token` */
export async function run(console: Console, args: Args): Promise<number> {
  const { access, action } = args
  if (action === 'make') await make(console, args)
  else if (action === 'rm') await revoke(console, args)
  else list(console, required(await readRules(access), access))
  return EXIT.done
}

function required(rules: AccessRules | undefined, access: string): AccessRules {
  if (rules === undefined) throw new ConfigError(`there is no ${access}`)
  return rules
}

function list(console: Console, { tokens }: AccessRules): void {
  for (const [name, { datasets, made, expires }] of Object.entries(tokens)) {
    const isOver = expires !== undefined && Date.parse(expires) <= Date.now()
    const until = expires === undefined ? 'does not expire' : `${isOver ? 'expired' : 'expires'} ${day(expires)}`
    const text = `${name}  ${datasets.join(' ')}  made ${day(made)}  ${until}`
    console.show({ type: 'token', action: 'ls', name, datasets, made, expires }, text)
  }
}

async function make(console: Console, args: Args): Promise<void> {
  const name = requireName(args)
  const expiresMs = args.expires === 'never' ? undefined : parseAge('expires', args.expires)
  const { token, stored } = makeToken(args.dataset ?? ['*'], new Date(), expiresMs)
  const dryRun = args.dryRun === true
  await change(args, (rules = NO_RULES) => {
    if (Object.hasOwn(rules.tokens, name)) throw new ConfigError(`there is a token ${name} already: rm revokes it`)
    return { ...rules, tokens: { ...rules.tokens, [name]: stored } }
  })
  const { datasets, expires } = stored
  const shown = { type: 'token', action: 'make', dryRun, name, datasets, expires } as const
  if (dryRun) console.report(shown, `would make a token ${name}`)
  else console.show({ ...shown, token }, token)
}

async function revoke(console: Console, args: Args): Promise<void> {
  const name = requireName(args)
  const dryRun = args.dryRun === true
  await change(args, (found) => {
    const rules = required(found, args.access)
    if (!Object.hasOwn(rules.tokens, name)) throw new ConfigError(`there is no token ${name}`)
    const { [name]: _gone, ...tokens } = rules.tokens
    return { ...rules, tokens }
  })
  console.report({ type: 'token', action: 'rm', dryRun, name }, `${dryRun ? 'would revoke' : 'revoked'} ${name}`)
}

/** A dry run looks what would be, and changes nothing. */
async function change({ access, dryRun }: Args, next: (rules: AccessRules | undefined) => AccessRules): Promise<void> {
  if (dryRun === true) next(await readRules(access))
  else await changeRules(access, next)
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
