import { basename } from 'node:path'
import { faultText, type PolicyFault } from '../authz/fault.ts'
import { lintRules } from '../authz/lint.ts'
import { configInvalid, readOptions } from '../config/read-options.ts'
import { readPolicyFile, STRICT } from './policy-input.ts'
import type { Command } from './world.ts'

export const CHECK_OPTIONS = { 'policy-strict': STRICT }

/** Prints a line for each finding. Exit code 1 if a rule cannot be used or a part is ignored; suspicions alone give 0. */
export const policyCheck: Command = async (argv, world) => {
  const { values, operands } = readOptions(CHECK_OPTIONS, { argv, env: {} })
  if (operands.length === 0) throw configInvalid([{ from: 'argument', message: 'expected policy files' }])
  let faulty = false
  for (const path of operands) {
    const outcome = readPolicyFile(path, values.policyStrict)
    const say = (kind: string, text: string) => world.print(`${path}: ${kind}: ${text}\n`)
    const fail = (kind: string, faults: readonly PolicyFault[]) => {
      for (const fault of faults) say(kind, faultText(fault))
      if (faults.length > 0) faulty = true
    }
    if ('fault' in outcome) {
      fail('error', [outcome.fault])
      continue
    }
    fail('error', outcome.quarantined)
    fail('unknown', outcome.unknown)
    for (const { rule, message } of lintRules(outcome.rules, outcome.format))
      say('warning', `line ${rule.line}: ${message}`)
    say('read', `${outcome.rules.length} rules of ${basename(path)}`)
  }
  return faulty ? 1 : 0
}
