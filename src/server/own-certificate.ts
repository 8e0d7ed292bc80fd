import { createPrivateKey, X509Certificate } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { errorText, PortcullisError } from '../errors.ts'
import { readConfigFile } from '../files/watched-file.ts'

export interface CertificateFiles {
  readonly certFile: string
  readonly keyFile: string
}

const DAY_MS = 86_400_000
const CA_DAYS = 3650
const LEAF_DAYS = 365
/** A leaf with less than this left is made anew at the next start; the CA that the apiserver trusts stays. */
const RENEW_DAYS = 120

/**
 * The certificate that a server without certificate flags serves with: a CA of its own, kept in the state folder, and
 * a leaf for this host. Gives what is there already unless the leaf runs out, lacks one of the names or belongs to
 * another key or CA, as after a crash between two files.
 */
export async function ensureOwnCertificate(options: {
  stateDir: string
  names: readonly string[]
  now: number
}): Promise<CertificateFiles & { caFile: string }> {
  const { stateDir, now } = options
  const file = (name: string) => join(stateDir, name)
  const files = { caFile: file('ca.crt'), certFile: file('tls.crt'), keyFile: file('tls.key') }
  const names = [...new Set([...options.names, 'localhost', '127.0.0.1', '::1', hostname()])]
  try {
    mkdirSync(stateDir, { recursive: true, mode: 0o700 })
    chmodSync(stateDir, 0o700)
    if (!belongTogether(files.caFile, file('ca.key'))) {
      const ca = await makeCa(now)
      write(file('ca.key'), ca.private)
      write(files.caFile, ca.cert)
    }
    if (!serviceable(files, names, now)) {
      const ca = { key: readConfigFile(file('ca.key')), cert: readConfigFile(files.caFile) }
      const leaf = await makeLeaf(ca, names, now)
      write(files.keyFile, leaf.private)
      write(files.certFile, leaf.cert)
    }
  } catch (error) {
    throw new PortcullisError(
      'CERTIFICATE_INVALID',
      `cannot make a certificate in ${stateDir}: ${errorText(error)}; name another --state-dir or give --tls-cert-file`,
      { cause: error },
    )
  }
  return files
}

const readCertificate = (path: string) => new X509Certificate(readConfigFile(path))

function belongTogether(certFile: string, keyFile: string): boolean {
  if (!existsSync(certFile) || !existsSync(keyFile)) return false
  return readCertificate(certFile).checkPrivateKey(createPrivateKey(readConfigFile(keyFile)))
}

function serviceable(
  files: CertificateFiles & { caFile: string },
  names: readonly string[],
  now: number,
): boolean {
  if (!belongTogether(files.certFile, files.keyFile)) return false
  const leaf = readCertificate(files.certFile)
  if (!leaf.verify(readCertificate(files.caFile).publicKey)) return false
  const holds = (name: string) => (isAddress(name) ? leaf.checkIP(name) : leaf.checkHost(name)) !== undefined
  return leaf.validToDate.getTime() - now > RENEW_DAYS * DAY_MS && names.every(holds)
}

const isAddress = (name: string) => name.includes(':') || /^[\d.]+$/.test(name)

/** Loaded only when there is something to make: it is a third of the start-up. */
const x509 = async () => (await import('selfsigned')).default

async function makeCa(now: number) {
  const { generate } = await x509()
  return generate([{ name: 'commonName', value: 'portcullis-ca' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    notBeforeDate: new Date(now - DAY_MS),
    notAfterDate: new Date(now + CA_DAYS * DAY_MS),
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  })
}

async function makeLeaf(ca: { key: string; cert: string }, names: readonly string[], now: number) {
  const { generate } = await x509()
  return generate([{ name: 'commonName', value: 'portcullis' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    notBeforeDate: new Date(now - DAY_MS),
    notAfterDate: new Date(now + LEAF_DAYS * DAY_MS),
    ca,
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: names.map((name) => (isAddress(name) ? { type: 7, ip: name } : { type: 2, value: name })),
      },
    ],
  })
}

function write(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { mode: 0o600 })
  renameSync(`${path}.new`, path)
}
