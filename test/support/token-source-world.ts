import type { SettingName } from '../../src/config/login-options.ts'
import type { LoginSettings } from '../../src/exec/login-settings.ts'
import type { KeptToken, TokenCache } from '../../src/exec/token-cache.ts'
import { type Attempt, obtainToken } from '../../src/exec/token-source.ts'
import type { LoginOutcome } from '../../src/keystone/log-in.ts'
import { createManualClock } from './manual-clock.ts'

export const MINUTE = 60_000

type Values = Partial<Record<SettingName, string>>

/** Each value from a variable of its own name. */
export const settingsOf = (values: Values): LoginSettings =>
  Object.fromEntries(
    Object.entries(values).map(([name, text]) => [name, { text, from: `environment ${name}` }]),
  )

export const SOMEBODY = {
  auth_url: 'https://a/v3',
  user_id: 'alice',
  password: 'secret',
  project_id: 'p',
} as const satisfies Values
export const PASSWORD = settingsOf(SOMEBODY)

export type Given = Extract<LoginOutcome, { token: string }>

/** A token of Keystone's that lives `life` milliseconds, by Keystone's own clock. */
export const tokenSaying = (token: string, life: number, issuedAt: number): Given => ({
  token,
  says: { issuedAt, expiresAt: issuedAt + life } as Given['says'],
  catalog: [],
})

export const REFUSED: LoginOutcome = { status: 401 }
export const receipt = (...needs: readonly (readonly string[])[]): LoginOutcome => ({
  status: 401,
  receipt: { id: 'receipt-1', needs },
})

/** Answers to one attempt after the other. */
export const inTurn = (...outcomes: readonly LoginOutcome[]) => {
  const left = [...outcomes]
  return async () => left.shift() as LoginOutcome
}

/** A process that wants a token as alice, with all that it calls on recorded. */
export function sourceWorld(
  options: {
    settings?: LoginSettings
    forceRefresh?: boolean
    cached?: boolean
    deadlineMs?: number
    /** What somebody types, answer by answer; absent: there is no terminal. */
    terminal?: readonly string[]
    /** How long that takes. */
    typingMs?: number
  } = {},
) {
  const {
    settings = PASSWORD,
    forceRefresh = false,
    cached = true,
    deadlineMs = 10_000,
    terminal,
    typingMs = 0,
  } = options
  const clock = createManualClock()
  const calls: string[] = []
  const questions: string[] = []
  const hidden: string[] = []
  const optional: string[] = []
  const attempts: Parameters<Attempt>[0][] = []
  const tokens = new Map<string, KeptToken>()
  const refusals = new Map<string, number>()
  let waiting = () => {}
  let turn: Promise<unknown> = Promise.resolve()
  let respond = async (): Promise<LoginOutcome> => tokenSaying(`new-${attempts.length}`, 60 * MINUTE, 0)
  const make = (token: string, since: number): KeptToken => ({
    token,
    since,
    until: since + 60 * MINUTE,
    keystoneUrl: 'https://a/kept/v3',
  })

  const cache: TokenCache = {
    get(identity) {
      calls.push(`get ${identity}`)
      return tokens.get(identity)
    },
    put(identity, kept) {
      calls.push(`put ${identity}`)
      tokens.set(identity, kept)
    },
    forget: (identity) => void tokens.delete(identity),
    refusedAt(identity) {
      calls.push(`refusedAt ${identity}`)
      return refusals.get(identity)
    },
    refuse(identity) {
      calls.push(`refuse ${identity}`)
      refusals.set(identity, clock.now())
    },
    async alone(identity, patienceMs, work) {
      calls.push(`alone ${identity} ${patienceMs}`)
      waiting()
      const mine = turn.then(work).finally(() => calls.push('end alone'))
      turn = mine.catch(() => {})
      return mine
    },
  }

  return {
    clock,
    calls,
    questions,
    hidden,
    optional,
    attempts,
    tokens,
    refusals,
    keep(token: string, identity = 'alice') {
      const kept = make(token, clock.now() - MINUTE)
      tokens.set(identity, kept)
      return kept
    },
    /** Another process puts this token down while this one waits for the lock; it began to get it `ageMs` before. */
    whileWaiting(token: string, ageMs: number) {
      const kept = make(token, clock.now() - ageMs)
      waiting = () => tokens.set('alice', kept)
      return kept
    },
    /** What Keystone says to each attempt. */
    answer(next: () => Promise<LoginOutcome>) {
      respond = next
    },
    obtain: () =>
      obtainToken(
        {
          identity: 'alice',
          async settings() {
            calls.push('settings')
            return settings
          },
        },
        {
          cache: cached ? cache : undefined,
          clock,
          deadlineMs,
          forceRefresh,
          async attempt({ url, tls, method, receipt }) {
            calls.push('attempt')
            attempts.push({ url, tls, method, ...(receipt !== undefined && { receipt }) })
            return { url: 'https://a/found/v3', outcome: await respond() }
          },
          async openTerminal() {
            calls.push('terminal')
            return (
              terminal &&
              (async (question) => {
                if (question.secret) hidden.push(question.name)
                if (question.optional) optional.push(question.name)
                await clock.advance(typingMs)
                return terminal[questions.push(question.name) - 1] ?? ''
              })
            )
          },
        },
      ),
  }
}
