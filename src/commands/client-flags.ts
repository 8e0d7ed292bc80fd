import { clientOptions, loginCommandOptions, whoamiOptions } from '../config/client-options.ts'
import type { CommandFlags } from '../config/completion.ts'
import { tokenOptions } from '../config/login-options.ts'

/** What the commands for people can be told. */
export const CLIENT_FLAGS: CommandFlags = {
  token: tokenOptions,
  login: loginCommandOptions,
  logout: clientOptions,
  whoami: whoamiOptions,
  projects: clientOptions,
  completion: {},
  'completion bash': {},
  'completion zsh': {},
  'completion fish': {},
}
