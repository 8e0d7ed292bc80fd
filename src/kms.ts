import { kms } from './commands/kms.ts'
import { runOneCommand } from './one-command.ts'
import { keepTickShape } from './tick-shape.ts'

/** What start.ts loads for `portcullis kms` and barbican-kms-plugin. */
keepTickShape()
runOneCommand('kms', kms)
