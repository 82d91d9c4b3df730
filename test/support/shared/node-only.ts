import { NODE_ONLY_PATH } from '../programs/programs.ts'

// The unit project needs node and nothing else, here and on every machine.
process.env.PATH = NODE_ONLY_PATH
