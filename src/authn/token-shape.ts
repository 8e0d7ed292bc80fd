import { isRecord, isText, isTextList } from '../json.ts'

/** What can be told of a token by looking at it. */
export type TokenShape =
  | { readonly kind: 'fernet' }
  | { readonly kind: 'jws'; readonly userId: string }
  | { readonly kind: 'misshapen' }
  | { readonly kind: 'expired' }

const MISSHAPEN: TokenShape = { kind: 'misshapen' }
const EXPIRED: TokenShape = { kind: 'expired' }
const FERNET: TokenShape = { kind: 'fernet' }

/** Keystone's front ends refuse headers over 8 KB; real tokens have 160 to 500 characters. */
const MAX_LENGTH = 4096
/** Version and time (9 bytes), IV (16), at least one block (16) and the HMAC (32), in base64url without padding. */
const MIN_FERNET_LENGTH = 98
const CLOCK_SKEW_MS = 5 * 60_000

const BASE64URL = /^[A-Za-z0-9_-]+$/
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/**
 * Sorts out what Keystone cannot have issued, before it costs a call. Keystone takes many spellings of one Fernet
 * token (padding, other alphabets, spare bits) but issues only the canonical one, and only that one passes here:
 * otherwise one token could fill the cache and outrun every limit.
 */
export function tokenShape(token: string, now: number, maxAgeMs: number): TokenShape {
  if (token.length > MAX_LENGTH) return MISSHAPEN
  if (token.startsWith('gAAAA')) return fernetShape(token, now, maxAgeMs)
  return token.startsWith('eyJ') ? jwsShape(token, now) : MISSHAPEN
}

/** The Fernet specification: 0x80, a big-endian 64-bit time in seconds, IV, AES-CBC blocks, HMAC. */
function fernetShape(token: string, now: number, maxAgeMs: number): TokenShape {
  if (token.length < MIN_FERNET_LENGTH || !BASE64URL.test(token) || !canonical(token)) return MISSHAPEN
  const bytes = Math.floor((token.length * 3) / 4)
  if ((bytes - 57) % 16 !== 0) return MISSHAPEN
  const issuedAt = Number(Buffer.from(token.slice(0, 12), 'base64url').readBigUInt64BE(1)) * 1000
  if (issuedAt > now + CLOCK_SKEW_MS) return MISSHAPEN
  return issuedAt < now - maxAgeMs ? EXPIRED : FERNET
}

/** base64url without padding, the bits that the last character has to spare all zero. */
function canonical(text: string): boolean {
  const rest = text.length % 4
  const spare = rest === 0 ? 0 : rest === 2 ? 0b1111 : 0b11
  return rest !== 1 && (ALPHABET.indexOf(text.at(-1) as string) & spare) === 0
}

/** Keystone's JWS tokens: ES256, `openstack_*` claims. Service-account and other JWTs lack those. */
function jwsShape(token: string, now: number): TokenShape {
  const parts = token.split('.')
  if (parts.length !== 3 || !parts.every((part) => BASE64URL.test(part) && canonical(part))) return MISSHAPEN
  const header = decode(parts[0] as string)
  const claims = decode(parts[1] as string)
  if (header?.alg !== 'ES256' || !isText(claims?.sub) || !isTextList(claims?.openstack_methods))
    return MISSHAPEN
  if (typeof claims?.exp !== 'number') return MISSHAPEN
  return claims.exp * 1000 < now - CLOCK_SKEW_MS ? EXPIRED : { kind: 'jws', userId: claims.sub }
}

function decode(part: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}
