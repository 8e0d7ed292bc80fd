import type { Command } from './commands/world.ts'
import { runProgram } from './program.ts'
import { keepTickShape } from './tick-shape.ts'

/** Put in by `npm run build`. */
declare const PORTCULLIS_VERSION: string

/**
 * Runs one server apart from the other commands. The build makes one file of each, CommonJS like start.cjs: with the
 * dozens of files that it shared with other commands starting took a sixth longer.
 */
export function runServer(name: string, command: Command): void {
  keepTickShape()
  void runProgram({
    version: PORTCULLIS_VERSION,
    executable: '',
    commands: { [name]: async () => command },
    flags: async () => ({}),
  })
}
