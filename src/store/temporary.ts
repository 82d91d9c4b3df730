import { randomBytes } from 'node:crypto'

const PREFIX = 'riastore-'
const RUN = `${process.pid}-${randomBytes(6).toString('hex')}`
let count = 0

/** A file name that nobody else uses, on any host, and that says who left it behind. */
export function temporaryName(): string {
  count += 1
  return `${PREFIX}${RUN}-${count}.tmp`
}

/** True for a name that some `temporaryName()`, of whatever process, made. */
export function isTemporaryName(name: string): boolean {
  return /^riastore-\d+-[0-9a-f]{12}-\d+\.tmp$/.test(name)
}
