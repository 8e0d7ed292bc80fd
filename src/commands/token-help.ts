import { helpText } from '../config/help.ts'
import { tokenOptions } from '../config/login-options.ts'

const ABOUT = `Logs in to Keystone for kubectl: prints an ExecCredential with a token, kept from the last time where it is still good.
What no flag says comes from the environment, then from clouds.yaml and secure.yaml (OS_CLOUD), then from the kubeconfig's cluster.`

export function tokenHelp(program: string): string {
  const usage = program === 'client-keystone-auth' ? program : `${program} token`
  return helpText(`${usage} [flags]`, ABOUT, tokenOptions, 'Flags (each also as PORTCULLIS_<FLAG>):')
}
