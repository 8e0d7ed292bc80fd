import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'

export type IssuedScope =
  | { readonly kind: 'project'; readonly id: string }
  | { readonly kind: 'domain'; readonly id: string }
  | { readonly kind: 'system' }
  | { readonly kind: 'unscoped' }

/** What the simulator remembers of a token that it issued. */
export interface IssuedToken {
  readonly user: string
  readonly scope: IssuedScope
  readonly methods: readonly string[]
  readonly credential?: string
  /** Its own, and that of the token it was made from. */
  readonly auditIds: readonly string[]
  /** Milliseconds since the epoch, whole seconds. */
  readonly issuedAt: number
  readonly expiresAt: number
  revoked: boolean
}

export interface TokenMint {
  /** Fernet-shaped (random, so nothing can be read out of it) or a signed JWS with Keystone's claims. */
  mint(token: IssuedToken): string
  /** Finds a token by any of the spellings that Keystone accepts. */
  find(text: string): IssuedToken | undefined
  issuedTo(user: string): readonly IssuedToken[]
  /** What Keystone says of a text that it did not issue: it can hold the whole text. */
  unknownText(text: string): string
  readonly publicKey: KeyObject
}

export function createTokenMint(provider: 'fernet' | 'jws'): TokenMint {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const issued = new Map<string, IssuedToken>()
  return {
    publicKey,
    mint(token) {
      const text = provider === 'jws' ? signed(token, privateKey) : fernetShaped(token)
      issued.set(bytesOf(text), token)
      return text
    },
    find: (text) => issued.get(bytesOf(text)),
    issuedTo: (user) => [...issued.values()].filter((token) => token.user === user),
    unknownText: (text) =>
      provider === 'jws' ? `Could not find token: ${text}.` : 'Could not recognize Fernet token',
  }
}

/** Keystone decodes leniently: padding, the other alphabet and spare bits make no difference. */
const bytesOf = (text: string) => (text.includes('.') ? text : Buffer.from(text, 'base64').toString('latin1'))

/** 0x80, the time in seconds, then 16 + 80 + 32 bytes as an IV, five AES blocks and an HMAC would be: 183 characters. */
function fernetShaped({ issuedAt }: IssuedToken): string {
  const head = Buffer.alloc(9, 0x80)
  head.writeBigUInt64BE(BigInt(issuedAt / 1000), 1)
  return Buffer.concat([head, randomBytes(128)]).toString('base64url')
}

function signed(token: IssuedToken, key: KeyObject): string {
  const { scope } = token
  const claims = {
    sub: token.user,
    iat: token.issuedAt / 1000,
    exp: token.expiresAt / 1000,
    openstack_methods: token.methods,
    openstack_audit_ids: token.auditIds,
    ...(scope.kind === 'project' && { openstack_project_id: scope.id }),
    ...(scope.kind === 'domain' && { openstack_domain_id: scope.id }),
    ...(scope.kind === 'system' && { openstack_system: 'all' }),
  }
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const text = `${part({ alg: 'ES256', typ: 'JWT' })}.${part(claims)}`
  return `${text}.${sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}
