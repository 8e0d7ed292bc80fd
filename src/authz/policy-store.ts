import type { Clock } from '../clock.ts'
import { errorText, PortcullisError } from '../errors.ts'
import type { Log } from '../log.ts'
import { runAtOnce, runInSlices, type Steps } from '../steps.ts'
import type { RuleEngine } from './casbin-engine.ts'
import { faultText } from './fault.ts'
import type { AuthzMetrics, PolicyState } from './metrics.ts'
import { compilePolicy, type Policy } from './policy.ts'
import type { PolicySource } from './policy-source.ts'
import { type PolicyReading, readPolicyDocument } from './policy-text.ts'

export interface PolicyStore extends PolicyState {
  /** The policy of the moment: one reference, swapped as a whole. */
  current(): Policy
  /** What is wrong with sources or rules, in one line for /readyz?verbose. */
  fault(): string | undefined
  stop(): void
}

/** What is known of one source. */
interface Holding {
  /** The last good reading of each of its documents, by name. */
  readings: ReadonlyMap<string, PolicyReading>
  faults: readonly string[]
}

/**
 * Keeps the policy of all sources up to date. At the start every source that is not lenient must be readable: throws POLICY_INVALID. Later a
 * document that is not keeps its last good version, as does a source that cannot even be listed.
 */
export async function openPolicyStore(parts: {
  sources: readonly PolicySource[]
  engine: RuleEngine
  strict: boolean
  clock: Clock
  log: Log
  metrics: AuthzMetrics
}): Promise<PolicyStore> {
  const { sources, engine, strict, clock, log, metrics } = parts
  const holdings = new Map<PolicySource, Holding>()
  let policy = runAtOnce(compilePolicy([], engine))
  let lastSuccess = 0
  // at the start nobody waits yet, and pauses would not keep the process alive
  let run = async <T>(steps: Steps<T>): Promise<T> => runAtOnce(steps)

  async function read(source: PolicySource): Promise<void> {
    const before = holdings.get(source)
    const readings = new Map<string, PolicyReading>()
    const faults: string[] = []
    try {
      for (const document of source.documents()) {
        const outcome = await run(readPolicyDocument(document, { strict }))
        const lastGood = before?.readings.get(document.name)
        if ('fault' in outcome) faults.push(`${document.name}: ${faultText(outcome.fault)}`)
        const good = 'fault' in outcome ? lastGood : outcome
        if (good !== undefined) readings.set(document.name, good)
      }
      holdings.set(source, { readings, faults })
    } catch (error) {
      holdings.set(source, { readings: before?.readings ?? new Map(), faults: [errorText(error)] })
    }
    report(source)
  }

  function report(source: PolicySource): void {
    const { readings, faults } = holdings.get(source) as Holding
    for (const fault of faults) log.error({ source: source.name, fault }, 'Kept the last good policy')
    for (const [document, { quarantined, unknown }] of readings) {
      for (const fault of quarantined.map(faultText)) log.error({ document, fault }, 'Left out a policy rule')
      for (const fault of unknown.map(faultText)) log.warn({ document, fault }, 'Ignored a part of a policy')
    }
    metrics.reloaded(faults.length === 0 ? 'success' : 'failure')
  }

  async function compile(): Promise<void> {
    const lists = sources.flatMap((source) => [...(holdings.get(source)?.readings.values() ?? [])])
    policy = await run(compilePolicy(lists, engine))
    lastSuccess = clock.now()
    log.info({ rules: policy.rules.length, hash: policy.hash }, 'Took up the policy')
  }

  // one reload at a time, in the order in which changes are seen; those of the start wait for its end
  const { promise: opened, resolve: open } = Promise.withResolvers<void>()
  let reloads = opened
  const waiting = new Set<PolicySource>()
  const reload = (source: PolicySource) => {
    // one that has not begun will see this change too
    if (waiting.has(source)) return reloads
    waiting.add(source)
    reloads = reloads
      .then(() => {
        waiting.delete(source)
        return read(source)
      })
      .then(compile)
    return reloads
  }
  const stops = sources.map((source) => source.watch(() => reload(source)))
  const stop = () => {
    for (const stopOne of stops) stopOne()
  }

  for (const source of sources) await read(source)
  const faults = () => [...holdings.values()].flatMap((holding) => holding.faults)
  const quarantined = () =>
    [...holdings.values()].flatMap(({ readings }) =>
      [...readings].flatMap(([name, reading]) =>
        reading.quarantined.map((fault) => `${name}: left out: ${faultText(fault)}`),
      ),
    )
  const fatal = [...holdings].flatMap(([source, holding]) => (source.lenient ? [] : holding.faults))
  if (fatal.length > 0) {
    stop()
    throw new PortcullisError('POLICY_INVALID', `a policy cannot be used: ${fatal.join('; ')}`)
  }
  await compile()
  run = (steps) => runInSlices(steps, clock)
  open()
  return {
    current: () => policy,
    fault() {
      const all = [...faults(), ...quarantined()]
      return all.length === 0
        ? undefined
        : [...all.slice(0, 3), ...(all.length > 3 ? ['...'] : [])].join('; ')
    },
    stop,
    rules: () => policy.rules.length,
    sources: () => sources.length,
    faultySources: () => [...holdings.values()].filter((holding) => holding.faults.length > 0).length,
    quarantined: () => quarantined().length,
    lastSuccess: () => lastSuccess,
    hash: () => Number.parseInt(policy.hash.slice(0, 12), 16),
  }
}
