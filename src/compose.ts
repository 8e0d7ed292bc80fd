import { createAuthenticator } from './authn/authenticator.ts'
import { compatibleIdentity, qualifiedIdentity } from './authn/identity.ts'
import { createAuthnMetrics } from './authn/metrics.ts'
import { createTokenCache } from './authn/token-cache.ts'
import { createTokenReviewHandler } from './authn/token-review.ts'
import type { Clock } from './clock.ts'
import { composeAuthorization, hasPolicyFiles } from './compose-authorization.ts'
import { composeKubernetes, type Kubernetes } from './compose-kubernetes.ts'
import { composeLoginSync } from './compose-login-sync.ts'
import { composeReconciling } from './compose-reconciling.ts'
import { composeSyncConfiguration } from './compose-sync-config.ts'
import type { OpenStackSettings } from './config/openstack-credentials.ts'
import type { ServeConfig } from './config/serve-options.ts'
import { readConfigFile } from './files/watched-file.ts'
import { createHttpClient } from './http/client.ts'
import { createGate } from './http/gate.ts'
import { createKeystoneCaller } from './keystone/caller.ts'
import { isSystemScoped } from './keystone/credentials.ts'
import { createKeystoneEndpoint } from './keystone/endpoint.ts'
import { readJwsKeys } from './keystone/jws-keys.ts'
import { createKeystoneMetrics, type KeystoneMetrics } from './keystone/metrics.ts'
import { createSession } from './keystone/session.ts'
import { createTokenValidation } from './keystone/token-validation.ts'
import { createUserGroups } from './keystone/user-groups.ts'
import type { ReadClusterAccess } from './kubernetes/cluster-access.ts'
import type { Log } from './log.ts'
import { createMetricsRegistry } from './metrics/registry.ts'
import { addAdminRoutes } from './server/admin-routes.ts'
import { createApp, listen } from './server/app.ts'
import type { HealthCheck } from './server/health.ts'
import { ensureOwnCertificate } from './server/own-certificate.ts'
import {
  readServingTls,
  type ServingCertificateFiles,
  watchServingCertificate,
} from './server/serving-certificate.ts'
import { addWebhookRoutes } from './server/webhook-routes.ts'

export interface World {
  readonly clock: Clock
  readonly log: Log
  readonly version: string
  /** Read anew for each log-in of our own, so that a rotated secret is taken up. */
  readonly openstack: () => OpenStackSettings | undefined
  readonly clusterAccess: ReadClusterAccess
}

export interface Server {
  readonly port: number
  readonly adminPort: number
  /** Readiness turns red; serves through the shutdown delay, drains, and is gone. */
  stop(): Promise<void>
}

/** Builds `portcullis serve` out of its parts and starts it. */
export async function startServer(config: ServeConfig, keystoneUrl: string, world: World): Promise<Server> {
  const { clock, log } = world
  const metrics = createMetricsRegistry()
  const keystoneMetrics = createKeystoneMetrics(metrics)
  const keystone = await composeKeystone(config, keystoneUrl, world, keystoneMetrics)
  const kubernetes = composeKubernetes(world.clusterAccess, world, metrics)
  const configMaps = await openConfigMaps(config, kubernetes, log)
  const configuration = composeSyncConfiguration(
    config,
    { clock, log, kubernetes, mirror: configMaps.sync },
    metrics,
  )
  const loginSync = composeLoginSync(
    { waitMs: config.syncWait, clock, log, kubernetes, configuration },
    metrics,
  )
  const reconciling = composeReconciling(
    config,
    { ...world, keystoneUrl, keystoneMetrics, kubernetes, configuration },
    metrics,
  )
  const authnMetrics = createAuthnMetrics(metrics)
  const authenticator = createAuthenticator({
    ...keystone,
    cache: createTokenCache({
      clock,
      maxEntries: config.tokenCacheSize,
      ttlMs: config.tokenCacheTtl,
      negativeTtlMs: config.tokenCacheNegativeTtl,
      evicted: authnMetrics.evicted,
    }),
    identity: config.identity === 'qualified' ? qualifiedIdentity : compatibleIdentity,
    admission: {
      scopes: config.tokenScopes,
      domains: config.allowedDomains,
      projects: config.allowedProjects,
      roles: config.allowedRoles,
    },
    maxTokenAgeMs: config.maxTokenAge,
    deadlineMs: config.keystoneTimeout,
    systemGroups: config.allowedSystemGroups,
    loggedIn: loginSync.loggedIn,
    clock,
    log,
    metrics: authnMetrics,
  })
  configuration.follow(({ mappings }) => authenticator.useRoleMappings(mappings))
  const files = await certificateFiles(config, clock)
  const webhooks = createApp({ log, tls: readServingTls(files) })
  const reviews = createTokenReviewHandler({
    authenticator,
    audiences: config.audiences,
    clock,
    metrics: authnMetrics,
  })
  const { handler: accessReviews, watches: policyWatches } = await composeAuthorization(
    config,
    {
      clock,
      log,
      configMaps: configMaps.policies,
      namespaceOf: (project) => configuration.settings().namespaceOf(project),
    },
    metrics,
  )
  const routes = {
    '/webhook': [reviews, accessReviews],
    '/authenticate': [reviews],
    '/authorize': [accessReviews],
  }
  addWebhookRoutes(webhooks, routes, log)

  let stopping = false
  const certificate = watchServingCertificate({ files, server: webhooks.server as never, clock, log })
  const watches = [certificate, ...policyWatches, ...configuration.watches, loginSync.watch]
  const checks: HealthCheck[] = [
    { name: 'ping', reddens: [], fault: () => undefined },
    { name: 'shutdown', reddens: ['readyz'], fault: () => (stopping ? 'shutting down' : undefined) },
    ...watches.map((watch) => watch.check),
    ...kubernetes.checks(),
    reconciling.check,
  ]
  const admin = createApp({ log, drainMs: 1000 }) // its answers take no time
  addAdminRoutes(admin, { checks, metrics })
  const adminPort = await listen(admin, config.adminListen)
  const port = await listen(webhooks, config.listen)
  return {
    port,
    adminPort,
    async stop() {
      stopping = true
      await reconciling.stop()
      await new Promise<void>((resolve) => clock.after(config.shutdownDelay, resolve))
      for (const watch of watches) watch.stop()
      await webhooks.close()
      await admin.close()
      await keystone.close()
      await kubernetes.close()
    },
  }
}

/** The ConfigMaps that count, with what the API server says of them now, if it answers. A file beats a ConfigMap. */
async function openConfigMaps(config: ServeConfig, kubernetes: Kubernetes, log: Log) {
  const mirror = (key: string, name: string | undefined, overruled: boolean) => {
    if (name === undefined) return undefined
    if (!overruled) return kubernetes.mirror(key, { name })
    log.warn({ configMap: name }, 'A file is given too, so the ConfigMap does not count')
    return undefined
  }
  const { policyConfigmapSelector: labelSelector } = config
  const named = mirror('policy-configmap', config.policyConfigmapName, hasPolicyFiles(config))
  const sync = mirror('sync-configmap', config.syncConfigmapName, config.syncConfigFile !== undefined)
  const selected = labelSelector && kubernetes.mirror('policy-configmap-selector', { labelSelector })
  await kubernetes.firstAnswers()
  return { policies: { ...(named && { named }), ...(selected && { selected }) }, sync }
}

async function composeKeystone(config: ServeConfig, url: string, world: World, metrics: KeystoneMetrics) {
  const { clock } = world
  const caFile = config.keystoneCaFile ?? world.openstack()?.caFile
  const http = createHttpClient({
    ca: caFile === undefined ? undefined : readConfigFile(caFile),
    userAgent: [...config.userAgent, `portcullis/${world.version}`].join(' '),
    connections: config.keystoneConcurrency,
  })
  const gate = createGate({ running: config.keystoneConcurrency, waiting: 4096 })
  const call = createKeystoneCaller({ http, gate, clock, metrics })
  const endpoint = createKeystoneEndpoint({ url, call })
  const credentials = () => {
    const settings = world.openstack()
    if (settings === undefined) throw new Error('the OpenStack credentials are gone')
    return settings.credentials
  }
  const settings = world.openstack()
  // Keystone keeps nothing of what a token may on the system: it looks that up for each call, at the price of a second validation
  const forSystem = settings !== undefined && isSystemScoped(settings.credentials.method)
  if (forSystem) world.log.info('The credentials are for the whole system: tokens ask about themselves')
  const session =
    settings === undefined || forSystem ? undefined : createSession({ call, endpoint, credentials, clock })
  return {
    validate: createTokenValidation({ call, endpoint, session }),
    groups: createUserGroups({ call, endpoint, clock, ttlMs: config.groupsCacheTtl }),
    verifyJws:
      config.keystoneJwsKeysDir === undefined ? undefined : await readJwsKeys(config.keystoneJwsKeysDir),
    close: () => http.close(),
  }
}

async function certificateFiles(config: ServeConfig, clock: Clock): Promise<ServingCertificateFiles> {
  const { tlsCertFile, tlsPrivateKeyFile, clientCaFile, listen, stateDir } = config
  if (tlsCertFile !== undefined && tlsPrivateKeyFile !== undefined)
    return { certFile: tlsCertFile, keyFile: tlsPrivateKeyFile, clientCaFile }
  const own = await ensureOwnCertificate({ stateDir, names: namesOf(listen.host), now: clock.now() })
  return { ...own, clientCaFile }
}

const namesOf = (host: string) => (['0.0.0.0', '::'].includes(host) ? [] : [host])
