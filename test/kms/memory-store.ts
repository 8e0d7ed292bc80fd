import type { Barbican } from '../../src/kms/barbican.ts'
import type { SecretInfo } from '../../src/kms/kek-store.ts'
import { createLog } from '../../src/log.ts'
import { counting } from './fixtures.ts'

/** A uuid that is told by its number. */
export const uuid = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`

export interface StoredSecret {
  readonly id: string
  name: string
  active: boolean
  created: number
  expires?: number
  payload: Uint8Array
  /** The metadata `activate_at`, as Barbican's client reads it. */
  activateAt: number | undefined
}

/**
 * A store of keys without HTTP. `answers` takes precedence, by method and argument ("payload ID"): an Error is thrown,
 * anything else is the answer once it has settled. `seen` has every call in its order.
 */
export function createMemoryStore() {
  const secrets = new Map<string, StoredSecret>()
  const answers = new Map<string, unknown>()
  const seen: string[] = []

  async function answer<T>(call: string, otherwise: () => T): Promise<T> {
    seen.push(call)
    if (!answers.has(call)) return otherwise()
    const given = await answers.get(call)
    if (given instanceof Error) throw given
    return given as T
  }

  const infoOf = ({ id, name, active, created, expires }: StoredSecret): SecretInfo => ({
    id,
    name,
    active,
    created,
    ...(expires !== undefined && { expires }),
  })

  const store: Barbican = {
    describe: (id) =>
      answer(`describe ${id}`, () => {
        const secret = secrets.get(id)
        return secret === undefined ? 'gone' : infoOf(secret)
      }),
    payload: (id) =>
      answer(`payload ${id}`, () => {
        const secret = secrets.get(id)
        return secret === undefined ? 'gone' : Uint8Array.from(secret.payload)
      }),
    list: (name) =>
      answer(`list ${name}`, () =>
        [...secrets.values()]
          .filter((secret) => secret.name === name)
          .sort((a, b) => a.created - b.created)
          .map(infoOf),
      ),
    activateAt: (id) => answer(`activateAt ${id}`, () => secrets.get(id)?.activateAt),
    order: (name) => answer(`order ${name}`, () => 'order'),
    ordered: (orderId) => answer(`ordered ${orderId}`, () => undefined),
    activate: (id, at) => answer(`activate ${id} ${at}`, () => undefined),
  }

  function put(number: number, secret: Partial<Omit<StoredSecret, 'id'>> = {}): StoredSecret {
    const stored = {
      id: uuid(number),
      name: 'kek',
      active: true,
      created: number,
      payload: counting(number, 32),
      activateAt: undefined,
      ...secret,
    }
    secrets.set(stored.id, stored)
    return stored
  }

  return { store, secrets, answers, seen, put }
}

export type LogLine = Readonly<Record<string, unknown>>

/** A log whose lines are kept, without their times. */
export function recordedLog() {
  const lines: LogLine[] = []
  const write = (text: string) => {
    const { time: _, ...line } = JSON.parse(text) as Record<string, unknown>
    lines.push(line)
  }
  return { log: createLog({ level: 'trace', destination: { write } }), lines }
}

/** A promise that the test settles. */
export function held<T>() {
  const { promise, resolve } = Promise.withResolvers<T>()
  return { promise, resolve }
}

/** Lets everything run that waits for no timer. */
export const settled = () => new Promise<void>((resolve) => setImmediate(resolve))
