import type { AuthenticatorParts } from './authn/authenticator.ts'
import type { Clock } from './clock.ts'
import type { Kubernetes } from './compose-kubernetes.ts'
import type { SyncConfiguration } from './compose-sync-config.ts'
import type { KeystoneToken } from './keystone/token-body.ts'
import type { Log } from './log.ts'
import type { MetricsRegistry } from './metrics/registry.ts'
import type { HealthCheck } from './server/health.ts'
import { createLoginSync, type LogIn, type LoginSync } from './sync/login-sync.ts'
import { createLoginSyncMetrics } from './sync/login-sync-metrics.ts'

/** Synchronisation on log-in; it comes to life with the first sync configuration that asks for it. */
export function composeLoginSync(
  parts: {
    waitMs: number
    clock: Clock
    log: Log
    kubernetes: Kubernetes
    configuration: SyncConfiguration
  },
  registry: MetricsRegistry,
): {
  readonly loggedIn: NonNullable<AuthenticatorParts['loggedIn']>
  readonly watch: { check: HealthCheck; stop: () => void }
} {
  const { waitMs, clock, log, kubernetes, configuration } = parts
  let sync: LoginSync | undefined
  return {
    loggedIn(token, username) {
      const logIn = logInOf(token, username)
      if (logIn === undefined || configuration.settings().rules.dataTypes.length === 0) return undefined
      sync ??= createLoginSync({
        client: kubernetes.client(),
        settings: configuration.settings,
        waitMs,
        clock,
        log,
        metrics: createLoginSyncMetrics(registry),
      })
      return sync.loggedIn(logIn)
    },
    watch: {
      check: { name: 'login-sync', reddens: [], fault: () => sync?.fault() },
      stop: () => sync?.stop(),
    },
  }
}

/** Tokens of application credentials can have less roles than their user has. */
function logInOf({ user, scope, roles, methods }: KeystoneToken, username: string): LogIn | undefined {
  if (scope.kind !== 'project') return undefined
  return {
    userId: user.id,
    username,
    userDomainId: user.domain.id,
    project: scope,
    roles,
    complete: !methods.includes('application_credential'),
  }
}
