import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { generate } from 'selfsigned'

export interface Pair {
  readonly cert: string
  readonly key: string
}

/** A certificate authority for tests. */
export async function makeAuthority(name = 'test-ca'): Promise<Pair> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [{ name: 'basicConstraints', cA: true, critical: true }],
  })
  return { cert, key }
}

/** A certificate for localhost, or of a client, signed by the authority. */
export async function issue(authority: Pair, name: string): Promise<Pair> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    algorithm: 'sha256',
    ca: authority,
    extensions: [
      { name: 'basicConstraints', cA: false },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
  })
  return { cert, key }
}

/** Writes a pair into a folder; gives the two flags that name it. */
export function writePair(folder: string, pair: Pair): readonly string[] {
  const [certFile, keyFile] = [join(folder, 'tls.crt'), join(folder, 'tls.key')]
  writeFileSync(keyFile, pair.key)
  writeFileSync(certFile, pair.cert)
  return ['--tls-cert-file', certFile, '--tls-private-key-file', keyFile]
}
