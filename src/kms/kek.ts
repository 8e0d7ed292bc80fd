import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'
import { PortcullisError } from '../errors.ts'

/**
 * A key encryption key: one Barbican secret, known by its uuid. Barbican's bytes themselves only ever open what
 * barbican-kms-plugin wrote (AES-CBC); our own envelopes are under a key derived from them, so that one
 * secret never serves in two modes.
 */
export interface Kek {
  /** The Barbican secret's uuid: what kube-apiserver stores as key id, the same on every node (contracts C.7). */
  readonly id: string
  /** AES-256 key of our envelopes. */
  readonly envelopeKey: KeyObject
  /** The secret's own bytes, for ciphertexts of barbican-kms-plugin. */
  readonly legacyKey: KeyObject
}

const DERIVATION = 'portcullis kms envelope 1'

/** Makes a KEK of a secret's payload and zeroes the payload; throws KEK_UNUSABLE when it is no AES key. */
export function createKek(id: string, payload: Uint8Array): Kek {
  try {
    if (![16, 24, 32].includes(payload.length))
      throw new PortcullisError(
        'KEK_UNUSABLE',
        `the Barbican secret ${id} holds ${payload.length} bytes: an AES key has 16, 24 or 32; order a new key`,
      )
    const legacyKey = createSecretKey(payload)
    const derived = new Uint8Array(hkdfSync('sha256', legacyKey, '', DERIVATION, 32))
    const envelopeKey = createSecretKey(derived)
    derived.fill(0)
    return { id, envelopeKey, legacyKey }
  } finally {
    payload.fill(0)
  }
}
