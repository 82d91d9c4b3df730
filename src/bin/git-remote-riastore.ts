import { runRemoteHelper } from '../git/run-helper.ts'

runRemoteHelper(process.argv.slice(2), process.env).then((code) => {
  process.exitCode = code
  process.stdout.write('', () => process.exit(code))
})
