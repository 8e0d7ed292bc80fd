import type { PolicySource } from '../../../src/authz/policy-source.ts'
import { openPolicyStore } from '../../../src/authz/policy-store.ts'
import type { PolicyDocument } from '../../../src/authz/policy-text.ts'
import { writeRule } from '../../../src/authz/rule.ts'
import type { Clock } from '../../../src/clock.ts'
import { createManualClock } from '../../support/manual-clock.ts'
import { recordLog } from '../../support/recorded-log.ts'
import { engine } from './authz-tools.ts'

const FORMATS = { json: 'cpo', csv: 'csv', yaml: 'yaml' } as const

/** A rule of a CSV policy: who is of this role may read pods in this namespace. */
export const rule = (role: string, namespace = 'a', effect = 'allow') =>
  `p, role:${role}, ${namespace}, -, pods, *, get, *, ${effect}`

/** A source whose documents are in memory. */
export function memorySource(name: string, texts: Record<string, string | (() => string)>, lenient?: true) {
  let listener: (() => Promise<void>) | undefined
  const source = {
    name,
    ...(lenient && { lenient }),
    texts,
    /** Thrown instead of listing the documents. */
    fault: undefined as Error | undefined,
    /** Names of the documents in the order in which they were read. */
    reads: [] as string[],
    watched: () => listener !== undefined,
    /** Says that something has changed; resolves when that has been looked at. */
    change: async () => listener?.(),
    documents(): readonly PolicyDocument[] {
      if (source.fault !== undefined) throw source.fault
      return Object.entries(source.texts).map(([document, text]) => ({
        name: document,
        format: FORMATS[document.split('.').at(-1) as keyof typeof FORMATS],
        rest: 'ignored',
        text() {
          source.reads.push(document)
          return typeof text === 'string' ? text : text()
        },
      }))
    },
    watch(changed: () => Promise<void>) {
      listener = changed
      return () => {
        listener = undefined
      }
    },
  } satisfies PolicySource & Record<string, unknown>
  return source
}

/** A policy store with all that it reports. */
export function policyWorld(
  sources: readonly PolicySource[],
  more: { strict?: boolean; clock?: Clock } = {},
) {
  const manual = createManualClock()
  const { log, lines } = recordLog()
  const reloads: string[] = []
  const metrics = {
    reviewed: () => undefined,
    compared: () => undefined,
    watch: () => undefined,
    reloaded: (result: string) => void reloads.push(result),
  }
  const open = () =>
    openPolicyStore({
      sources,
      engine,
      strict: more.strict ?? false,
      clock: more.clock ?? manual,
      log,
      metrics,
    })
  return {
    clock: manual,
    /** Results of reading, in order. */
    reloads,
    open,
    /** The lines of a level, without message. */
    logged: (level: string) =>
      lines.filter((line) => line.level === level).map(({ level: _level, msg: _msg, ...fields }) => fields),
    messages: () => lines.map((line) => line.msg),
  }
}

type Store = Awaited<ReturnType<typeof openPolicyStore>>
/** The roles of the rules of the moment, in the order in which they count. */
export const rolesOf = (store: Pick<Store, 'current'>) =>
  store.current().rules.map((one) => /role:(\w+)/.exec(writeRule(one))?.[1])
