import { serve } from './commands/serve.ts'
import { runOneCommand } from './one-command.ts'
import { keepTickShape } from './tick-shape.ts'

/** What start.ts loads for `portcullis serve` and k8s-keystone-auth. */
keepTickShape()
runOneCommand('serve', serve)
