import { serve } from './commands/serve.ts'
import { runProgram } from './program.ts'
import { keepTickShape } from './tick-shape.ts'

/** Put in by `npm run build`. */
declare const PORTCULLIS_VERSION: string

/**
 * The server apart from the other commands: what start.ts loads for `serve` and k8s-keystone-auth. The build makes one
 * file of it, CommonJS like start.cjs: with the 34 files that it shares with other commands starting takes 50 ms longer.
 */
keepTickShape()
void runProgram({
  version: PORTCULLIS_VERSION,
  executable: '',
  commands: { serve: async () => serve },
  flags: async () => ({}),
})
