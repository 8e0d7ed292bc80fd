import { randomBytes } from 'node:crypto'
import { secret } from './secrets.ts'

/** A token of Fernet's shape that nobody issued. */
export function fernetLike(issuedAt: number, blocks = 5): string {
  const head = Buffer.alloc(9)
  head.writeUInt8(0x80)
  head.writeBigUInt64BE(BigInt(Math.floor(issuedAt / 1000)), 1)
  return secret(Buffer.concat([head, randomBytes(16 + blocks * 16 + 32)]).toString('base64url'))
}

/** A JWT with any header and claims and a signature of the right length. */
export function jwtLike(header: object, claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return secret(`${part(header)}.${part(claims)}.${randomBytes(64).toString('base64url')}`)
}
