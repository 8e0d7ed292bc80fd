import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { composeSyncConfiguration, type SyncSettings } from '../src/compose-sync-config.ts'
import type { ServeConfig } from '../src/config/serve-options.ts'
import { PortcullisError } from '../src/errors.ts'
import { createMetricsRegistry } from '../src/metrics/registry.ts'
import { createManualClock } from './support/manual-clock.ts'
import { recordLog } from './support/recorded-log.ts'

const PROJECT = { id: 'p1', name: 'web', userDomainId: 'd1' }
const PROJECTS = 'data-types-to-sync: [projects]\n'

/** The sync configuration of the server: of a ConfigMap whose text the test sets, or of a file. */
function world(
  t: Test,
  options: { text?: string; file?: string; format?: string; clientFault?: Error } = {},
) {
  const { log, lines } = recordLog()
  const state = {
    maps: undefined as Map<string, Record<string, string>> | undefined,
    clients: 0,
    clientFault: options.clientFault,
  }
  const listeners = new Set<() => unknown>()
  if (options.text !== undefined) state.maps = new Map([['sync', { syncConfig: options.text }]])
  let syncConfigFile: string | undefined
  if (options.file !== undefined) {
    syncConfigFile = join(t.testdir(), 'sync.yaml')
    writeFileSync(syncConfigFile, options.file)
  }
  const config = {
    namespaceFormat: options.format ?? '%i',
    syncConfigFile,
    syncConfigmapName: 'sync',
  } as unknown as ServeConfig
  const unused = () => {
    throw new Error('not for the configuration')
  }
  const configuration = composeSyncConfiguration(
    config,
    {
      clock: createManualClock(),
      log,
      kubernetes: {
        client() {
          state.clients += 1
          if (state.clientFault !== undefined) throw state.clientFault
          return {} as never
        },
        ...{ mirror: unused, firstAnswers: unused, checks: unused, close: unused },
      },
      mirror:
        syncConfigFile !== undefined
          ? undefined
          : {
              current: () => state.maps,
              watch(changed) {
                listeners.add(changed)
                return () => listeners.delete(changed)
              },
              ...{ connected: unused, fault: unused, stop: unused, settled: Promise.resolve() },
            },
    },
    createMetricsRegistry(),
  )
  t.teardown(() => {
    for (const { stop } of configuration.watches) stop()
  })
  const use = (maps: typeof state.maps) => {
    state.maps = maps
    for (const listener of listeners) listener()
  }
  const text = (syncConfig: string) => use(new Map([['sync', { syncConfig }]]))
  return { configuration, lines, state, use, text }
}

t.test('the format of the configuration beats that of the flag', async (t) => {
  const formats = { text: `${PROJECTS}namespace-format: "file-%i"\n`, format: 'flag-%i' }
  t.strictSame(world(t, formats).configuration.settings().namespaceOf(PROJECT), {
    name: 'file-p1',
    fellBack: false,
  })
  t.equal(
    world(t, { ...formats, text: PROJECTS })
      .configuration.settings()
      .namespaceOf(PROJECT)?.name,
    'flag-p1',
  )
})

t.test('who follows is told of the settings now and at each change, after they are in force', async (t) => {
  const { configuration, text } = world(t, { text: PROJECTS })
  const heard: SyncSettings[] = []
  configuration.follow((settings) => {
    t.equal(settings, configuration.settings())
    heard.push(settings)
  })
  text('data-types-to-sync: []\nrole-mappings: [{keystone-role: member, username: mapped}]\n')
  t.strictSame(
    heard.map(({ rules, mappings }) => [rules.dataTypes, mappings.length]),
    [
      [['projects'], 0],
      [[], 1],
    ],
  )
})

t.test(
  'a file that is invalid at the start ends it, a ConfigMap does not: others can change that one',
  async (t) => {
    for (const odd of ['data-types-to-sync: [nonsense]\n', 'namespace-format: "no id"\n', '[1]\n'])
      t.throws(() => world(t, { file: odd }), { code: 'SYNC_CONFIG_INVALID' }, odd)
    const { configuration } = world(t, { text: 'data-types-to-sync: [nonsense]\n' })
    t.strictSame(configuration.settings().rules.dataTypes, [])
    t.match(configuration.watches[0]?.check.fault(), /kube-system\/sync is not usable.*data-types-to-sync/)
  },
)

t.test(
  'a ConfigMap without its key keeps the settings before; one that is gone configures nothing',
  async (t) => {
    const { configuration, use, text } = world(t, { text: PROJECTS })
    use(new Map([['sync', { other: PROJECTS }]]))
    t.strictSame(configuration.settings().rules.dataTypes, ['projects'])
    t.match(configuration.watches[0]?.check.fault(), /the ConfigMap has no key syncConfig/)
    use(new Map())
    t.strictSame(configuration.settings().rules.dataTypes, [])
    t.equal(configuration.watches[0]?.check.fault(), undefined)
    text(PROJECTS)
    t.strictSame(configuration.settings().rules.dataTypes, ['projects'])
  },
)

t.test(
  'a configuration that asks for something needs the Kubernetes API: without it, it is not used',
  async (t) => {
    const clientFault = new PortcullisError('KUBECONFIG_INVALID', 'this is no pod')
    const { configuration, state, text } = world(t, { text: 'data-types-to-sync: []\n', clientFault })
    t.equal(state.clients, 0)
    text(PROJECTS)
    t.strictSame(configuration.settings().rules.dataTypes, [])
    t.match(configuration.watches[0]?.check.fault(), /this is no pod/)
    t.throws(() => world(t, { file: PROJECTS, clientFault }), { code: 'KUBECONFIG_INVALID' })
  },
)

t.test('a key that nobody knows is named in the log', async (t) => {
  const { lines } = world(t, { text: `${PROJECTS}project-allowlist: [p1]\n` })
  t.match(lines, [{ level: 'warn', unknown: 'project-allowlist' }, { level: 'info' }])
})
