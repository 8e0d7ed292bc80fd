import { systemClock } from '../clock.ts'
import { openSync } from '../compose-sync.ts'
import type { Fault } from '../config/flags.ts'
import { helpText } from '../config/help.ts'
import { readOpenStackSettings } from '../config/openstack-credentials.ts'
import { readOptions } from '../config/read-options.ts'
import { type SyncConfig, syncOptions } from '../config/sync-options.ts'
import { createLog } from '../log.ts'
import { stepsOf } from '../sync/plan.ts'
import type { Comparison, Reconciler } from '../sync/reconciler.ts'
import { executionText, planText, syncJson } from './sync-report.ts'
import type { Command, CommandWorld } from './world.ts'

const PARTS = {
  plan: 'Prints how the cluster differs from Keystone. Exit code 0: not at all, 3: it does.',
  run: 'Makes the cluster follow Keystone, once. Exit code 0: done, 1: not all of it.',
}

/** `portcullis sync plan` and `portcullis sync run`; 1 is for failures, 2 for wrong use. */
export const sync: Command = async (argv, world) => {
  const [name = '--help', ...rest] = argv
  if (name !== 'plan' && name !== 'run') {
    const rows = Object.entries(PARTS).map(([part, about]) => `  ${part.padEnd(5)} ${about}\n`)
    const asked = name === '--help' || name === '-h'
    world[asked ? 'print' : 'complain'](`Usage: portcullis sync plan|run [flags]\n\n${rows.join('')}`)
    return asked ? 0 : 2
  }
  if (rest.includes('--help') || rest.includes('-h')) {
    world.print(helpText(`portcullis sync ${name} [flags]`, PARTS[name], syncOptions))
    return 0
  }
  const openstack = () => readOpenStackSettings(world.env)
  const { values: config } = readOptions(syncOptions, { argv: rest, env: world.env }, (values) =>
    faultsOf(values, openstack()),
  )
  const { reconciler, close } = await openSync(config, {
    clock: systemClock,
    log: createLog({ level: 'warn' }),
    version: world.version,
    env: world.env,
    keystoneUrl: config.keystoneUrl ?? openstack()?.authUrl ?? '',
    openstack: () => {
      const settings = openstack()
      if (settings === undefined) throw new Error('the OpenStack credentials are gone')
      return settings
    },
  })
  try {
    const comparison = await reconciler.plan()
    if (comparison.templateFault !== undefined) {
      world.complain(`TEMPLATE_INVALID: ${comparison.templateFault}\n`)
      return 1
    }
    return await (name === 'plan' ? showPlan : carryOut)(comparison, reconciler, config, world)
  } finally {
    await close()
  }
}

async function showPlan(
  comparison: Comparison,
  _reconciler: Reconciler,
  { output }: SyncConfig,
  world: CommandWorld,
): Promise<number> {
  world.print(output === 'json' ? syncJson(comparison, undefined) : planText(comparison))
  const { refused, plan } = comparison
  if (refused !== undefined) world.complain(`${refused.code}: ${refused.message}\n`)
  if (refused !== undefined) return 1
  return stepsOf(plan).length === 0 ? 0 : 3
}

async function carryOut(
  comparison: Comparison,
  reconciler: Reconciler,
  { output }: SyncConfig,
  world: CommandWorld,
): Promise<number> {
  const stop = new AbortController()
  void world.stopped.then(() => stop.abort())
  const execution = await reconciler.apply(comparison, stop.signal)
  world.print(
    output === 'json' ? syncJson(comparison, execution) : planText(comparison) + executionText(execution),
  )
  return execution.interrupted || execution.failures.length > 0 ? 1 : 0
}

function faultsOf(config: SyncConfig, openstack: ReturnType<typeof readOpenStackSettings>): readonly Fault[] {
  const faults: Fault[] = []
  if (openstack === undefined)
    faults.push({ from: 'environment', message: 'names no OpenStack user or application credential' })
  if (config.keystoneUrl === undefined && openstack?.authUrl === undefined)
    faults.push({ from: 'flag --keystone-url', message: 'expected the URL of Keystone' })
  if (config.syncConfigFile === undefined && config.syncConfigmapName === undefined)
    faults.push({ from: 'flag --sync-config-file', message: 'expected a sync file or --sync-configmap-name' })
  return faults
}
