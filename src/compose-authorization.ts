import { fileURLToPath } from 'node:url'
import { createAuthorizer } from './authz/authorizer.ts'
import { createCasbinEngine } from './authz/casbin-engine.ts'
import {
  type ConfigMapPolicies,
  configMapPolicySource,
  selectedPolicySource,
} from './authz/config-map-policy.ts'
import { type AuthzMetrics, createAuthzMetrics } from './authz/metrics.ts'
import { directoryPolicySource, filePolicySource, type PolicySource } from './authz/policy-source.ts'
import { openPolicyStore, type PolicyStore } from './authz/policy-store.ts'
import { createReviewRecorder } from './authz/review-recorder.ts'
import { createShadowPolicy } from './authz/shadow-policy.ts'
import { createSubjectAccessReviewHandler, type ReviewObserver } from './authz/subject-access-review.ts'
import type { Clock } from './clock.ts'
import type { ServeConfig } from './config/serve-options.ts'
import { openBoundedLog } from './files/bounded-log.ts'
import { readConfigFile } from './files/watched-file.ts'
import type { Log } from './log.ts'
import type { MetricsRegistry } from './metrics/registry.ts'
import type { NamespaceFormat } from './project-namespace.ts'
import type { HealthCheck } from './server/health.ts'

const RECORDED_BYTES = 64 * 1024 * 1024

/** casbin with the model that the package brings. */
export const composeEngine = () =>
  createCasbinEngine(readConfigFile(fileURLToPath(new URL('../policies/model.conf', import.meta.url))))

interface Surroundings {
  readonly clock: Clock
  readonly log: Log
  /** What the ConfigMaps hold that the configuration names. */
  readonly configMaps: { readonly named?: ConfigMapPolicies; readonly selected?: ConfigMapPolicies }
  /** The namespace of a project, as of now. */
  readonly namespaceOf: NamespaceFormat
}

/** What answers SubjectAccessReviews, with all that keeps its policies up to date. */
export async function composeAuthorization(
  config: ServeConfig,
  { clock, log, configMaps, namespaceOf }: Surroundings,
  registry: MetricsRegistry,
) {
  const metrics = createAuthzMetrics(registry)
  const engine = await composeEngine()
  const common = { engine, strict: config.policyStrict, clock, log }
  const store = await openPolicyStore({
    ...common,
    sources: policySources(config, clock, configMaps),
    metrics,
  })
  metrics.watch(store)
  const watches = [storeWatch('policy', store)]
  const observers: ReviewObserver[] = []
  if (config.shadowPolicy !== undefined) {
    const sources = [filePolicySource(config.shadowPolicy, clock)]
    const shadow = await openPolicyStore({ ...common, sources, metrics: withoutReloads(metrics) })
    observers.push(createShadowPolicy({ policy: shadow.current, metrics, clock, log }))
    watches.push(storeWatch('shadow-policy', shadow))
  }
  if (config.recordReviews !== undefined) {
    const file = openBoundedLog(config.recordReviews, RECORDED_BYTES)
    observers.push(createReviewRecorder({ file, clock, log }))
  }
  const handler = createSubjectAccessReviewHandler({
    authorizer: createAuthorizer({ policy: store.current, log }),
    namespaceOf: (project) => namespaceOf(project)?.name,
    metrics,
    clock,
    observers,
  })
  return { handler, watches }
}

/** Whether policies come from files: then k8s-keystone-auth's ConfigMap does not count. */
export const hasPolicyFiles = ({ keystonePolicyFile, policyFile, policyDir }: ServeConfig) =>
  keystonePolicyFile !== undefined || policyFile.length > 0 || policyDir !== undefined

function policySources(
  config: ServeConfig,
  clock: Clock,
  { named, selected }: Surroundings['configMaps'],
): readonly PolicySource[] {
  const { policyConfigmapName: name, policyConfigmapSelector: selector } = config
  return [
    ...(config.keystonePolicyFile === undefined
      ? []
      : [filePolicySource(config.keystonePolicyFile, clock, 'cpo')]),
    ...config.policyFile.map((path) => filePolicySource(path, clock)),
    ...(config.policyDir === undefined ? [] : [directoryPolicySource(config.policyDir, clock)]),
    ...(name === undefined || named === undefined ? [] : [configMapPolicySource(name, named)]),
    ...(selector === undefined || selected === undefined ? [] : [selectedPolicySource(selector, selected)]),
  ]
}

/** The metric of reloads counts the policies that answer. */
const withoutReloads = (metrics: AuthzMetrics): AuthzMetrics => ({ ...metrics, reloaded: () => undefined })

function storeWatch(name: string, store: PolicyStore): { check: HealthCheck; stop: () => void } {
  return { check: { name, reddens: [], fault: store.fault }, stop: store.stop }
}
