import type { Clock } from './clock.ts'
import type { BarbicanConfig, KmsConfig } from './config/kms-options.ts'
import type { OpenStackSettings } from './config/openstack-credentials.ts'
import { errorText, PortcullisError } from './errors.ts'
import { readConfigFile } from './files/watched-file.ts'
import { createHttpClient } from './http/client.ts'
import { createGate } from './http/gate.ts'
import { createKeystoneCaller } from './keystone/caller.ts'
import { createKeystoneEndpoint } from './keystone/endpoint.ts'
import { createKeystoneMetrics } from './keystone/metrics.ts'
import { createSession } from './keystone/session.ts'
import { createBarbican } from './kms/barbican.ts'
import { createBarbicanCaller } from './kms/barbican-caller.ts'
import { createBarbicanMetrics } from './kms/barbican-metrics.ts'
import { createKmsGrpcServer } from './kms/grpc.ts'
import type { KekStore, KeySet } from './kms/kek-store.ts'
import { createKeyCheck, type KeyCheck } from './kms/key-check.ts'
import { createKeySchedule } from './kms/key-schedule.ts'
import { createKeyring } from './kms/keyring.ts'
import { createKmsMetrics } from './kms/kms-metrics.ts'
import { createKmsReport } from './kms/kms-report.ts'
import { createKmsService } from './kms/kms-service.ts'
import { answers, listenOnSocket } from './kms/socket.ts'
import type { Log } from './log.ts'
import { createMetricsRegistry, type MetricsRegistry } from './metrics/registry.ts'
import { addAdminRoutes } from './server/admin-routes.ts'
import { createApp, listen } from './server/app.ts'
import type { HealthCheck } from './server/health.ts'

export interface KmsWorld {
  readonly clock: Clock
  readonly log: Log
  readonly version: string
  readonly keystoneUrl: string
  /** Read anew for each log-in, so that a rotated secret is taken up. */
  readonly openstack: () => OpenStackSettings
  /** Resolves when the process is asked to stop. */
  readonly stopped: Promise<void>
}

export interface KmsPlugin {
  readonly adminPort: number
  /** Accepts no more, tells clients to go, lets calls end. */
  stop(): Promise<void>
}

const DRAIN_MS = 2000
const ADMIN_RETRY_MS = 1000
const READY_POLL_MS = 100

/** Barbican behind a session of our own at Keystone. */
export function openBarbican(
  config: BarbicanConfig,
  {
    clock,
    version,
    keystoneUrl,
    openstack,
  }: Pick<KmsWorld, 'clock' | 'version' | 'keystoneUrl' | 'openstack'>,
  registry: MetricsRegistry,
) {
  const caFile = config.keystoneCaFile ?? openstack().caFile
  const http = createHttpClient({
    ca: caFile === undefined ? undefined : readConfigFile(caFile),
    userAgent: `portcullis/${version}`,
    connections: 16,
  })
  const gate = createGate({ running: 4, waiting: 64 })
  const call = createKeystoneCaller({ http, gate, clock, metrics: createKeystoneMetrics(registry) })
  const endpoint = createKeystoneEndpoint({ url: keystoneUrl, call })
  const session = createSession({ call, endpoint, credentials: () => openstack().credentials, clock })
  const caller = createBarbicanCaller({
    http,
    session,
    endpoint: config.barbicanUrl,
    deadlineMs: config.barbicanTimeout,
    clock,
    metrics: createBarbicanMetrics(registry),
  })
  return { barbican: createBarbican(caller), close: () => http.close() }
}

/** The plugin without socket and process: what decides, on any store of keys. */
export function composeKms(parts: {
  store: KekStore
  keySet: KeySet
  refreshMs: number
  offlineGraceMs: number
  registry: MetricsRegistry
  clock: Clock
  log: Log
}) {
  const { clock, log } = parts
  const keyring = createKeyring(parts)
  const schedule = createKeySchedule(clock)
  const check = createKeyCheck({ ...parts, keyring, schedule })
  const metrics = createKmsMetrics({ ...parts, keyring, schedule, check })
  const service = createKmsService({ keyring, schedule, check, clock, log, metrics })
  const report = createKmsReport({ keyring, schedule, check, metrics, clock })
  return { keyring, schedule, check, service, report }
}

/** Builds `portcullis kms` and starts it: the socket is there before OpenStack has answered anything. */
export async function startKms(
  config: KmsConfig,
  path: string,
  keySet: KeySet,
  world: KmsWorld,
): Promise<KmsPlugin> {
  const { clock, log } = world
  const registry = createMetricsRegistry()
  const { barbican: store, close } = openBarbican(config, world, registry)
  const { check, service, report } = composeKms({
    store,
    keySet,
    refreshMs: config.refreshInterval,
    offlineGraceMs: config.offlineGrace,
    registry,
    clock,
    log,
  })
  const server = createKmsGrpcServer({
    service,
    report,
    failed: (error) => log.error({ err: errorText(error) }, 'A call failed inside'),
    clock,
  })
  const stopChecking = check.start()
  if (config.replaceRunning && !(await untilReadyOrAlone(path, check, world)))
    return {
      adminPort: 0,
      async stop() {
        stopChecking()
        await close()
      },
    }
  const firstClient = createFirstClient(world)
  const socket = await listenOnSocket({
    path,
    replaceRunning: config.replaceRunning,
    accept(connection) {
      firstClient.seen()
      server.serve(connection)
    },
  })
  log.info({ path }, 'Listening')
  let stopping = false
  const checks: HealthCheck[] = [
    { name: 'ping', reddens: [], fault: () => undefined },
    { name: 'shutdown', reddens: ['readyz'], fault: () => (stopping ? 'shutting down' : undefined) },
    {
      name: 'socket',
      reddens: ['readyz', 'healthz'],
      fault: () => (socket.leadsHere() ? undefined : 'the socket’s path leads to another process or is gone'),
    },
    {
      name: 'key',
      reddens: ['readyz', 'healthz'],
      fault: () => (check.standing() === 'ok' ? undefined : check.standing()),
    },
  ]
  const admin = await listenForAdmin(config, { checks, metrics: registry }, world)
  return {
    adminPort: admin.port,
    async stop() {
      stopping = true
      stopChecking()
      socket.close()
      await server.stop(DRAIN_MS)
      await admin.close()
      await close()
    },
  }
}

/**
 * A running instance has its keys: it is replaced by one that has them too, or when it no longer answers. False when
 * we were asked to stop before that.
 */
async function untilReadyOrAlone(
  path: string,
  check: KeyCheck,
  { clock, stopped }: KmsWorld,
): Promise<boolean> {
  let ended = false
  void stopped.then(() => {
    ended = true
  })
  while (!ended && check.standing() !== 'ok' && (await answers(path)))
    await new Promise<void>((resolve) => clock.after(READY_POLL_MS, resolve))
  return !ended
}

/** Tells once how late the first client came: kube-apiserver's back-off grows to two minutes (contracts C.5). */
function createFirstClient({ clock, log }: KmsWorld) {
  const since = clock.monotonic()
  let waiting = true
  return {
    seen() {
      if (waiting)
        log.info({ seconds: Math.round((clock.monotonic() - since) / 1000) }, 'The first client connected')
      waiting = false
    },
  }
}

type Admin = { readonly port: number; close(): Promise<void> }

/** While two instances overlap the address is still the old one's: it is tried again, keys do not wait for it. */
async function listenForAdmin(
  config: KmsConfig,
  parts: { checks: readonly HealthCheck[]; metrics: MetricsRegistry },
  { clock, log }: Pick<KmsWorld, 'clock' | 'log'>,
): Promise<Admin> {
  const attempt = async (): Promise<Admin> => {
    const app = createApp({ log, drainMs: 1000 }) // its answers take no time
    addAdminRoutes(app, parts)
    try {
      return { port: await listen(app, config.adminListen), close: async () => app.close() }
    } catch (error) {
      await app.close()
      throw new PortcullisError('CONFIG_INVALID', `flag --admin-listen: ${errorText(error)}`)
    }
  }
  if (!config.replaceRunning) return attempt()
  let admin: Admin | undefined
  let closed = false
  const retry = async () => {
    if (!closed) admin = await attempt().catch(() => undefined)
    if (admin !== undefined || closed) return
    log.warn('The admin address is in use, trying again')
    clock.after(ADMIN_RETRY_MS, retry)
  }
  await retry()
  return {
    port: admin?.port ?? 0,
    async close() {
      closed = true
      await admin?.close()
    },
  }
}
