import type { Refusal } from '../../src/kubernetes/answer.ts'
import type { KubernetesClient } from '../../src/kubernetes/client.ts'
import { type KubernetesObject, LEASES } from '../../src/kubernetes/object.ts'
import { createLeaderElection } from '../../src/sync/leader-election.ts'
import { fixChance } from './fixed-chance.ts'
import { createManualClock } from './manual-clock.ts'
import { recordLog } from './recorded-log.ts'
import { settled } from './settled.ts'

export const LEASE = { name: 'reconciler', namespace: 'kube-system' }

type Spec = Readonly<Record<string, unknown>>

/** One Lease, what each call to it says, and one candidate for it whose looks come exactly every fifth of its 10 s (or `leaseMs`). */
export async function leaseWorld(
  t: Parameters<typeof fixChance>[0],
  first?: { spec?: Spec; version?: string; leaseMs?: number; chance?: number },
) {
  // 0.8 + 0.5 * 0.4: each pause is as long as it is meant to be
  fixChance(t, first?.chance ?? 0.5)
  const clock = createManualClock()
  const { log, lines } = recordLog()
  const sent: unknown[] = []
  const leads: AbortSignal[] = []
  const state = {
    lease: undefined as { spec: unknown; version: string } | undefined,
    /** What the next calls answer instead; a promise is waited for first. */
    fault: (_verb: string): Refusal | Error | Promise<void> | undefined => undefined,
  }
  if (first !== undefined && 'spec' in first)
    state.lease = { spec: first.spec, version: first.version ?? 'v0' }
  let writes = 0

  const answer = async (verb: string, make: () => KubernetesObject | Refusal) => {
    const fault = state.fault(verb)
    if (fault instanceof Error) throw fault
    if (typeof fault === 'string') return fault
    await fault
    return make()
  }
  const stored = (spec: unknown): KubernetesObject => {
    writes += 1
    state.lease = { spec, version: `w${writes}` }
    return { metadata: { ...LEASE, resourceVersion: state.lease.version }, spec }
  }
  const unused = () => Promise.reject(new Error('not for leases'))
  const client: KubernetesClient = {
    ...{ list: unused, apply: unused, openWatch: unused, delete: unused },
    get: (...args) => {
      sent.push(['get', ...args.slice(1)])
      return answer('get', () =>
        state.lease === undefined
          ? 'absent'
          : { metadata: { ...LEASE, resourceVersion: state.lease.version }, spec: state.lease.spec },
      )
    },
    create: (...args) => {
      sent.push(['create', args[1]])
      return answer('create', () => (state.lease === undefined ? stored(args[1].spec) : 'exists'))
    },
    patch: (resource, name, patch) => {
      sent.push(['patch', name, patch])
      const { metadata, spec } = patch as { metadata: { resourceVersion?: string }; spec: object }
      return answer('patch', () => {
        if (resource !== LEASES || state.lease === undefined) return 'absent'
        if (metadata.resourceVersion !== state.lease.version) return 'conflict'
        return stored({ ...(state.lease.spec as object), ...spec })
      })
    },
  }
  const election = createLeaderElection({
    client,
    lease: LEASE,
    identity: 'one',
    leaseMs: first?.leaseMs ?? 10_000,
    elected: (lead) => leads.push(lead),
    clock,
    log,
  })
  t.teardown(() => void election.stop())
  await settled()
  return {
    ...{ clock, lines, leads, state, election },
    sent() {
      return sent.splice(0)
    },
    async advance(ms: number) {
      await clock.advance(ms)
      await settled()
    },
    /** Another writes the Lease. */
    put(spec: Spec) {
      stored(spec)
    },
  }
}
