// Bundles the demo, which is TypeScript and shares its sshd and its repositories with the tests,
// and runs it.
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from './build.mjs'

const project = dirname(dirname(fileURLToPath(import.meta.url)))
const output = join(project, 'node_modules/.cache/riastore-demo')
await build(join(project, 'test/support/demo'), output, 'es')
await import(join(output, 'demo.js'))
