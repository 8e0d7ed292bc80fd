import { hash } from 'node:crypto'

const BLOCK = 64
const DIGEST = 32
/** Room for the longest token there is (token-shape.ts). */
const ROOM = 4096

/**
 * HMAC-SHA-256 (RFC 2104) of tokens under a key of at most 64 bytes, in base64. Written out with two one-shot hashes
 * over memory that is used again: an Hmac object for each review takes ten times as long (docs/benchmarks.md). A test
 * holds it to Node's own HMAC.
 */
export function createTokenKey(key: Buffer): (token: string) => string {
  const padded = Buffer.alloc(BLOCK)
  key.copy(padded)
  const outer = Buffer.concat([padded.map((byte) => byte ^ 0x5c), Buffer.alloc(DIGEST)])
  const prefix = padded.map((byte) => byte ^ 0x36)
  const scratch = Buffer.concat([prefix, Buffer.alloc(ROOM)])
  return (token) => {
    const long = token.length * 3 > ROOM
    const inner = long ? Buffer.concat([prefix, Buffer.from(token)]) : scratch
    const end = long ? inner.length : BLOCK + inner.write(token, BLOCK)
    outer.write(hash('sha256', inner.subarray(0, end), 'binary'), BLOCK, 'latin1')
    inner.fill(0, BLOCK, end)
    return hash('sha256', outer, 'base64')
  }
}
