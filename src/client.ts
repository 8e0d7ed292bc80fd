import { CLIENT_COMMANDS } from './commands/client.ts'
import { runProgram } from './program.ts'

/** Put in by `npm run build:binary`. */
declare const PORTCULLIS_VERSION: string

/** The program for people, not servers: what `npm run build:binary` makes one executable of. */
void runProgram({
  version: PORTCULLIS_VERSION,
  executable: process.execPath,
  commands: CLIENT_COMMANDS,
  flags: async () => (await import('./commands/client-flags.ts')).CLIENT_FLAGS,
})
