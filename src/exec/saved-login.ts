import { existsSync, realpathSync } from 'node:fs'
import { basename, delimiter, join, resolve } from 'node:path'
import { type Flags, readFlags } from '../config/flags.ts'
import {
  type LoginFlag,
  loginOptions,
  type SettingName,
  settingOf,
  tokenOptions,
} from '../config/login-options.ts'
import { SECRETS } from './complete-login.ts'
import type { ExecStanza } from './kubeconfig.ts'
import { type LoginSettings, mergeSettings } from './login-settings.ts'
import { fromFlags } from './login-sources.ts'

/** The flags that kubectl hands to us, if it is us that the stanza names. */
export function savedFlags({ command, args }: ExecStanza): Flags | undefined {
  const program = basename(command)
  if (program === 'client-keystone-auth') return readFlags(tokenOptions, args, []).flags
  const ours = ['portcullis', 'kubectl-keystone'].includes(program) && args[0] === 'token'
  return ours ? readFlags(tokenOptions, args.slice(1), []).flags : undefined
}

/** The flags of both, the first ones beating the others. */
export const overlay = (high: Flags, low: Flags | undefined): Flags =>
  flagsOf(mergeSettings([fromFlags(high), fromFlags(low ?? new Map())]))

/** The flags that say the same, without secrets; paths of files are made absolute. */
export function plainFlags(settings: LoginSettings): Flags {
  const plain = Object.entries(settings).filter(([name]) => !SECRETS.includes(name as SettingName))
  return flagsOf(Object.fromEntries(plain), (flag, text) =>
    loginOptions[flag].value === 'FILE' ? resolve(text) : text,
  )
}

function flagsOf(settings: LoginSettings, change = (_: LoginFlag, text: string) => text): Flags {
  const flags = new Map<string, readonly string[]>()
  for (const flag of Object.keys(loginOptions) as LoginFlag[]) {
    const given = settings[settingOf(flag)]
    if (given !== undefined) flags.set(flag, [change(flag, given.text)])
  }
  return flags
}

/** kubectl runs in any folder: a clouds.yaml of this one, or one that a variable names, is named to it by its whole path. */
export function cloudsVariable(
  env: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  const path = env.OS_CLIENT_CONFIG_FILE || (existsSync('clouds.yaml') ? 'clouds.yaml' : '')
  return path === '' ? {} : { OS_CLIENT_CONFIG_FILE: resolve(path) }
}

/** The arguments for kubectl to run us with. */
export const tokenArgs = (flags: Flags): readonly string[] => [
  'token',
  ...[...flags].map(([flag, texts]) => `--${flag}=${texts.at(-1)}`),
]

/** The bare name where PATH leads to this very program, as allow lists of kubectl have it; else the path. */
export function commandName(executable: string, path: string | undefined): string {
  const name = 'portcullis'
  const found = (path ?? '').split(delimiter).find((folder) => folder !== '' && realPath(join(folder, name)))
  const same = found !== undefined && realPath(join(found, name)) === realPath(executable)
  return same ? name : executable
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path)
  } catch {
    return undefined
  }
}
