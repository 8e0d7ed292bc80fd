import { constants, createPrivateKey, X509Certificate } from 'node:crypto'
import { createSecureContext, type SecureContextOptions, type Server } from 'node:tls'
import type { Clock } from '../clock.ts'
import { errorText, PortcullisError } from '../errors.ts'
import { readConfigFile, watchFiles } from '../files/watched-file.ts'
import type { Log } from '../log.ts'
import type { ServingTls } from './app.ts'
import type { HealthCheck } from './health.ts'
import type { CertificateFiles } from './own-certificate.ts'

export interface ServingCertificateFiles extends CertificateFiles {
  /** Certificate authorities of clients; when given, a client certificate is required. */
  readonly clientCaFile?: string | undefined
}

/** Whatever the certificate: a new one does not bring back what the first one was not served with. */
export const TLS_RULES = {
  minVersion: 'TLSv1.2',
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
} as const satisfies SecureContextOptions

/** Reads and checks the files. Throws FILE_UNREADABLE or CERTIFICATE_INVALID. */
export function readServingTls(files: ServingCertificateFiles): ServingTls {
  const cert = readConfigFile(files.certFile)
  const key = readConfigFile(files.keyFile)
  const ca = files.clientCaFile === undefined ? undefined : readConfigFile(files.clientCaFile)
  try {
    if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)))
      throw new Error('the key does not belong to the certificate')
    createSecureContext({ cert, key })
  } catch (error) {
    throw new PortcullisError(
      'CERTIFICATE_INVALID',
      `${files.certFile} and ${files.keyFile} cannot be served with: ${errorText(error)}`,
    )
  }
  if (ca !== undefined) checkAuthorities(ca, files.clientCaFile as string)
  return { cert, key, ...(ca !== undefined && { ca }) }
}

function checkAuthorities(pem: string, path: string): void {
  try {
    new X509Certificate(pem)
  } catch {
    throw new PortcullisError('CERTIFICATE_INVALID', `${path} holds no certificate in PEM`)
  }
}

/**
 * Serves with other files as soon as they are there. A bad set is reported and the old one stays: in the log
 * and as a warning in the health check.
 */
export function watchServingCertificate(parts: {
  files: ServingCertificateFiles
  server: Server
  clock: Clock
  log: Log
}): { check: HealthCheck; stop: () => void } {
  const { files, server, clock, log } = parts
  let fault: string | undefined
  const paths = [files.certFile, files.keyFile, ...(files.clientCaFile ? [files.clientCaFile] : [])]
  const stop = watchFiles({
    paths,
    clock,
    changed() {
      try {
        server.setSecureContext({ ...TLS_RULES, ...readServingTls(files) })
        fault = undefined
        log.info({ certFile: files.certFile }, 'Serving with the new certificate')
      } catch (error) {
        fault = 'the new certificate files are not usable; still serving with the old ones'
        log.error({ err: errorText(error) }, 'Kept the old certificate, the new one is not usable')
      }
    },
  })
  return { check: { name: 'serving-certificate', reddens: [], fault: () => fault }, stop }
}
