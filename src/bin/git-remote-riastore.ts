import { runRemoteHelper } from '../git/main.ts'

runRemoteHelper(process.argv.slice(2), process.env).then((code) => {
  process.exitCode = code
  process.stdout.write('', () => process.exit(code))
})
