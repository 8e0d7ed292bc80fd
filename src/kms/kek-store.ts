/** What Barbican says about a secret without its payload. Times are milliseconds since the epoch. */
export interface SecretInfo {
  readonly id: string
  readonly name: string
  readonly active: boolean
  readonly created: number
  readonly expires?: number
}

/** Barbican's answer that no retry will change: the secret is deleted or expired, or not ours to read. */
export type Refusal = 'gone' | 'forbidden'

/** Where KEKs are kept. Whatever is not an answer (unreachable, too slow, nonsense) is thrown as a PortcullisError. */
export interface KekStore {
  describe(id: string): Promise<SecretInfo | Refusal>
  /** The secret's bytes; the caller zeroes them. */
  payload(id: string): Promise<Uint8Array | Refusal>
  /** The secrets of exactly this name, oldest first. */
  list(name: string): Promise<readonly SecretInfo[] | Refusal>
  /** When the secret becomes current: its metadata `activate_at`, if it has one; NEVER for one that is no time. */
  activateAt(id: string): Promise<number | undefined>
}

/** The secrets that may serve as KEK: explicit ids (the first is the current one) or all of one name, or both. */
export interface KeySet {
  readonly ids: readonly string[]
  readonly name?: string | undefined
}

export const isRefusal = (answer: unknown): answer is Refusal => answer === 'gone' || answer === 'forbidden'

/** The activation of a key whose mark cannot be understood or read: it only ever decrypts. */
export const NEVER = Number.POSITIVE_INFINITY
