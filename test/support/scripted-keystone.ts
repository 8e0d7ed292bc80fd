import type { KeystoneAnswer, KeystoneCall, KeystoneCaller } from '../../src/keystone/caller.ts'

export type Scripted = Partial<KeystoneAnswer> | Error

export interface ScriptedKeystone {
  readonly call: KeystoneCaller
  /** What was asked, in order. */
  readonly calls: readonly KeystoneCall[]
}

/** Stands in for everything below a `KeystoneCaller`: answers (or throws) what the test says, 200 unless it says another status. */
export function scriptKeystone(
  answer: (call: KeystoneCall, index: number) => Scripted | Promise<Scripted>,
): ScriptedKeystone {
  const calls: KeystoneCall[] = []
  return {
    calls,
    async call(call) {
      calls.push(call)
      const scripted = await answer(call, calls.length - 1)
      if (scripted instanceof Error) throw scripted
      return { status: 200, headers: {}, body: undefined, ...scripted }
    },
  }
}

/** A promise and what settles it. */
export function held<T>() {
  return Promise.withResolvers<T>()
}

/** Lets everything happen that waits for nothing but promises. */
export const settled = () => new Promise<void>((resolve) => setImmediate(resolve))

/** The body of a token of alice (domain `red`) for project `p-red`, in all its parts; `more` replaces some. */
export function tokenBody(more: Record<string, unknown> = {}) {
  return {
    token: {
      methods: ['password'],
      user: { id: 'u-alice', name: 'alice', domain: { id: 'd-red', name: 'red' } },
      project: { id: 'p-red', name: 'shop', domain: { id: 'd-blue', name: 'blue' } },
      roles: [{ id: 'r-2', name: 'member' }],
      issued_at: '2026-06-01T00:00:00.000000Z',
      expires_at: '2026-06-01T01:00:00.000000Z',
      ...more,
    },
  }
}
