import { examineStore } from '../../admin/doctor/examine.ts'
import type { ArgsOf } from '../command.ts'
import type { Console } from '../console.ts'
import { FindingsTable } from '../findings-table.ts'
import { withOpenStore } from '../store-command.ts'
import type { DOCTOR } from '../table/store.ts'

/** `riastore doctor` */
export async function run(console: Console, { store: name }: ArgsOf<typeof DOCTOR>): Promise<number> {
  return withOpenStore(name, async ({ store, probe }) => {
    const table = new FindingsTable(console)
    await examineStore(store, { signal: console.signal, probe, report: (finding) => table.add(finding) })
    return table.end('doctor')
  })
}
