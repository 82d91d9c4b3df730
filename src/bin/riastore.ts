import { runCli } from '../cli/main.ts'
import { processTerminal } from '../cli/process-terminal.ts'

runCli(process.argv.slice(2), processTerminal()).then((code) => {
  process.exitCode = code
  // What is left (a connection that does not close, say) must not keep us; what was printed has to
  // be out before.
  process.stdout.write('', () => process.exit(code))
})
