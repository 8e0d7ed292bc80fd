import { completionScript, SHELLS } from '../config/completion.ts'
import { configInvalid } from '../config/read-options.ts'
import type { Command } from './world.ts'

const USAGE = `Usage: portcullis completion ${SHELLS.join('|')}

Prints a script that completes commands and flags. For this shell: source <(portcullis completion bash)
For each one: into /etc/bash_completion.d, a folder of zsh's fpath as _portcullis, or ~/.config/fish/completions.
`

/** What the script is for: the names that the program is called by. */
const PROGRAMS = ['portcullis', 'kubectl-keystone']

/** `portcullis completion bash|zsh|fish` */
export const completion: Command = async (argv, world) => {
  if (argv.includes('--help') || argv.includes('-h')) {
    world.print(USAGE)
    return 0
  }
  const shell = SHELLS.find((name) => name === argv[0])
  if (shell === undefined || argv.length > 1)
    throw configInvalid([{ from: 'argument', message: `expected ${SHELLS.join(', ')}` }])
  world.print(completionScript(shell, PROGRAMS, await world.flags()))
  return 0
}
