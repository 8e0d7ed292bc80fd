import { createServer } from 'node:net'
import { join } from 'node:path'
import { systemClock } from '../../src/clock.ts'
import { connectKms, createKmsGrpcServer } from '../../src/kms/grpc.ts'
import type { KmsReport } from '../../src/kms/kms-report.ts'
import type { DecryptRequest, EncryptRequest, KmsAnswer, KmsService } from '../../src/kms/kms-service.ts'
import { uuid } from './memory-store.ts'
import { directory } from './socket-world.ts'

export const REPORT: KmsReport = {
  standing: 'stale',
  currentKeyId: uuid(1),
  nextKeyId: uuid(2),
  nextActivatesAt: 1_780_000_000_123,
  verifiedSecondsAgo: 90.5,
  legacyDecrypts: 3,
  keys: [
    { id: uuid(1), ageSeconds: 86_400.25, loaded: true, expiresInSeconds: -1 },
    { id: uuid(2), ageSeconds: 1, loaded: false, expiresInSeconds: 7.5 },
  ],
}

export const internal = <T>(): KmsAnswer<T> => {
  throw new Error('the test gives no answer')
}

/** The gRPC shell on a socket, around a service of the test's making, and a client. */
export async function shell(
  t: { teardown(run: () => void): void },
  answers: Partial<KmsService>,
  deadlineMs = 5000,
) {
  const path = join(directory(t), 'kms.sock')
  const requests: (EncryptRequest | DecryptRequest)[] = []
  const failures: unknown[] = []
  const server = createKmsGrpcServer({
    service: {
      status: answers.status ?? internal,
      encrypt(request) {
        requests.push({ ...request, plaintext: Buffer.from(request.plaintext) })
        return (answers.encrypt ?? internal)(request)
      },
      async decrypt(request) {
        requests.push(request)
        return (answers.decrypt ?? internal)(request)
      },
    },
    report: () => REPORT,
    failed: (error) => void failures.push(error),
    clock: systemClock,
  })
  const listener = createServer(server.serve)
  await new Promise<void>((resolve) => listener.listen(path, resolve))
  const client = connectKms({ path, deadlineMs, clock: systemClock })
  t.teardown(async () => {
    client.close()
    listener.close()
    await server.stop(0)
  })
  return { client, server, path, requests, failures }
}
