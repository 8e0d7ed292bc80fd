import { hash } from 'node:crypto'

const BLOCK = 64
const DIGEST = 32

/**
 * HMAC-SHA-256 (RFC 2104) of tokens under a key of at most 64 bytes, in base64. Written out with two one-shot hashes
 * because an Hmac object for each review costs as much as all the rest of a cached answer (docs/benchmarks.md);
 * a test holds it to Node's own HMAC.
 */
export function createTokenKey(key: Buffer): (token: string) => string {
  const padded = Buffer.alloc(BLOCK)
  key.copy(padded)
  const outer = Buffer.concat([padded.map((byte) => byte ^ 0x5c), Buffer.alloc(DIGEST)])
  const prefix = padded.map((byte) => byte ^ 0x36)
  return (token) => {
    const text = Buffer.from(token)
    const inner = Buffer.allocUnsafe(BLOCK + text.length)
    inner.set(prefix)
    inner.set(text, BLOCK)
    outer.set(hash('sha256', inner, 'buffer'), BLOCK)
    inner.fill(0)
    text.fill(0)
    return hash('sha256', outer, 'base64')
  }
}
