import type { CommandFlags } from '../config/completion.ts'
import { tokenOptions } from '../config/login-options.ts'

/** What the commands for people can be told. */
export const CLIENT_FLAGS: CommandFlags = {
  token: tokenOptions,
  completion: {},
  'completion bash': {},
  'completion zsh': {},
  'completion fish': {},
}
