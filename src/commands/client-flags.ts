import type { CommandFlags } from '../config/completion.ts'

/** What the commands for people can be told. */
export const CLIENT_FLAGS: CommandFlags = {
  completion: {},
  'completion bash': {},
  'completion zsh': {},
  'completion fish': {},
}
