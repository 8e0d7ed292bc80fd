import { type Clock, pause } from '../clock.ts'
import { errorText } from '../errors.ts'
import { isRecord, isText } from '../json.ts'
import type { KubernetesClient } from '../kubernetes/client.ts'
import { type KubernetesObject, LEASES } from '../kubernetes/object.ts'
import type { Log } from '../log.ts'

/** One of several replicas leads: the one whose name stands in the Lease and who renews it in time. */
export interface LeaderElection {
  readonly leading: () => boolean
  /** What is wrong with the Lease; undefined when it can be read and written. */
  readonly fault: () => string | undefined
  /** Leads no more, and leaves the Lease to the next one at once. */
  stop(): Promise<void>
}

/** A Lease of another is looked at, and an own one renewed, five times in its life; who cannot renew stops well before its end. */
const LOOKS = 5
const LAST_RENEWAL = 2 / 3
const LONGEST_LEASE_S = 3600
/** An API server that hangs holds no shutdown up: the Lease ends by itself. */
const RELEASE_MS = 2000

interface Seen {
  readonly version: string | undefined
  /** When it was another (our own monotonic clock: those of others do not matter). */
  readonly at: number
}

/**
 * Takes part in the election at a Lease (coordination.k8s.io/v1), by the rules of client-go's `leaderelection`: a Lease is
 * taken over when it has not changed for as long as it says. Calls `elected` each time with a signal that ends the lead.
 */
export function createLeaderElection(parts: {
  client: KubernetesClient
  lease: { readonly name: string; readonly namespace: string }
  /** Of this process alone. */
  identity: string
  leaseMs: number
  elected: (lead: AbortSignal) => void
  clock: Clock
  log: Log
}): LeaderElection {
  const { client, lease, identity, leaseMs, clock, log } = parts
  const stopping = new AbortController()
  let seen: Seen | undefined
  let lead: AbortController | undefined
  /** Of the Lease when we wrote it last. */
  let version: string | undefined
  let cancelEnd = () => {}
  let fault: string | undefined

  const time = () => new Date(clock.now()).toISOString().replace('Z', '000Z')
  const leaseDurationSeconds = Math.max(1, Math.round(leaseMs / 1000))

  function stepDown(why: string): void {
    if (lead === undefined) return
    lead.abort()
    lead = undefined
    cancelEnd()
    log.warn({ why }, 'Leads no longer')
  }

  function held(since: number): void {
    const left = since + leaseMs * LAST_RENEWAL - clock.monotonic()
    // an answer that took so long is no news
    if (left <= 0) return
    cancelEnd()
    cancelEnd = clock.after(left, () => stepDown('not renewed in time'))
    if (lead !== undefined) return
    lead = new AbortController()
    log.info('Leads')
    parts.elected(lead.signal)
  }

  /** Undefined if it was ours to write, else why not. */
  async function take(existing: KubernetesObject | undefined): Promise<string | undefined> {
    const since = clock.monotonic()
    const before = specOf(existing)
    const spec = {
      holderIdentity: identity,
      leaseDurationSeconds,
      renewTime: time(),
      ...(lead === undefined && {
        acquireTime: time(),
        leaseTransitions: existing === undefined ? 0 : before.transitions + 1,
      }),
    }
    const answer =
      existing === undefined
        ? await client.create(LEASES, { metadata: lease, spec })
        : await client.patch(LEASES, lease, {
            metadata: { resourceVersion: existing.metadata.resourceVersion },
            spec,
          })
    if (typeof answer === 'string') return answer
    version = answer.metadata.resourceVersion
    if (!stopping.signal.aborted) held(since)
    return undefined
  }

  async function look(): Promise<string | undefined> {
    if (lead !== undefined) {
      const refusal = await take({
        metadata: { ...lease, ...(version && { resourceVersion: version }) },
      })
      if (refusal === 'conflict' || refusal === 'absent') stepDown('another has the lease')
      return refusal === 'conflict' || refusal === 'absent' ? undefined : refusal
    }
    const found = await client.get(LEASES, lease)
    if (found === 'absent') return lost(await take(undefined))
    if (typeof found === 'string') return found
    const { resourceVersion: there } = found.metadata
    const now = clock.monotonic()
    const since = seen !== undefined && seen.version === there ? seen.at : now
    seen = { version: there, at: since }
    const { holder, seconds } = specOf(found)
    const over = now - since >= seconds * 1000
    return holder === '' || holder === identity || over ? lost(await take(found)) : undefined
  }

  async function turn(): Promise<void> {
    let now: string | undefined
    try {
      const refusal = await look()
      if (refusal !== undefined)
        now = `the Kubernetes API refuses the Lease (${refusal}): check the RBAC of Portcullis`
    } catch (error) {
      now = errorText(error)
    }
    if (now !== undefined && fault === undefined) log.warn({ err: now }, 'The lease cannot be had')
    fault = now
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      await turn()
      await pause(clock, (leaseMs / LOOKS) * (0.8 + Math.random() * 0.4), stopping.signal)
    }
  }

  async function release(): Promise<void> {
    await running
    const patch = {
      metadata: { resourceVersion: version },
      spec: { holderIdentity: '', renewTime: time() },
    }
    await client.patch(LEASES, lease, patch).catch(() => undefined)
  }

  const running = run()
  return {
    leading: () => lead !== undefined,
    fault: () => fault,
    stop() {
      stopping.abort()
      if (lead === undefined) return Promise.resolve()
      stepDown('shutting down')
      return Promise.race([release(), pause(clock, RELEASE_MS, new AbortController().signal)])
    },
  }
}

/** Somebody else was faster: nothing is wrong. */
const lost = (refusal: string | undefined) =>
  refusal === 'conflict' || refusal === 'exists' || refusal === 'absent' ? undefined : refusal

function specOf(object: KubernetesObject | undefined) {
  const spec = isRecord(object?.spec) ? object.spec : {}
  const seconds = Number(spec.leaseDurationSeconds)
  return {
    holder: isText(spec.holderIdentity) ? spec.holderIdentity : '',
    seconds: seconds >= 1 && seconds <= LONGEST_LEASE_S ? seconds : LONGEST_LEASE_S,
    transitions: Number.isSafeInteger(spec.leaseTransitions) ? (spec.leaseTransitions as number) : 0,
  }
}
