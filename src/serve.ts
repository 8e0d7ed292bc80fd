import { serve } from './commands/serve.ts'
import { runServer } from './server.ts'

/** What start.ts loads for `portcullis serve` and k8s-keystone-auth. */
runServer('serve', serve)
