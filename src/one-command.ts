import type { Command } from './commands/world.ts'
import { type ProgramParts, runProgram } from './program.ts'

/** Put in by `npm run build`. */
declare const PORTCULLIS_VERSION: string

/**
 * Runs one command apart from the others: what the build makes one file of, in CommonJS. With the dozens of files that
 * a server shared with other commands starting took a sixth longer.
 */
export function runOneCommand(name: string, command: Command, more: Pick<ProgramParts, 'print'> = {}): void {
  void runProgram({
    version: PORTCULLIS_VERSION,
    executable: '',
    commands: { [name]: async () => command },
    flags: async () => ({}),
    ...more,
  })
}
