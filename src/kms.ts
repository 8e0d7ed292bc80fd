import { kms } from './commands/kms.ts'
import { runServer } from './server.ts'

/** What start.ts loads for `portcullis kms` and barbican-kms-plugin. */
runServer('kms', kms)
