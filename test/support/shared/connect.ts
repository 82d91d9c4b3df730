import { inject } from 'vitest'
import { connectSharedServices } from './services.ts'

connectSharedServices(inject('sharedServices'))
