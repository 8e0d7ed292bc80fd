import type { Socket } from 'node:net'
import { join } from 'node:path'
import {
  Client,
  credentials,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type ServiceError,
  type sendUnaryData,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import type { Clock } from '../clock.ts'
import { PortcullisError } from '../errors.ts'
import type { KmsReport } from './kms-report.ts'
import type {
  DecryptRequest,
  DecryptResponse,
  EncryptRequest,
  EncryptResponse,
  KmsAnswer,
  KmsOutcome,
  KmsService,
  StatusResponse,
} from './kms-service.ts'

/** The one place that knows gRPC: the shell of the KMS service, and the client of `kms ping` and `kms status`. */
export interface KmsGrpcServer {
  /** Serves an accepted connection. */
  serve(connection: Socket): void
  /** Tells clients to go, lets calls in flight end, and cuts what is left after the grace. */
  stop(graceMs: number): Promise<void>
}

/** Above the largest request of the contract: 1 KiB ciphertext, 1 KiB key id, 32 KiB annotations (C.1). */
const MAX_MESSAGE_BYTES = 64 * 1024
const MAX_STREAMS = 256

/** Labels in kube-apiserver's metrics; it gives them no other meaning (contracts C.5). */
const CODES: Readonly<Record<Exclude<KmsOutcome, 'ok'>, status>> = {
  invalid: status.INVALID_ARGUMENT,
  refused: status.DATA_LOSS,
  unknown_key: status.NOT_FOUND,
  unavailable: status.UNAVAILABLE,
}

export function createKmsGrpcServer(options: {
  service: KmsService
  report: () => KmsReport
  /** Something threw that should not have; the caller gets INTERNAL without its text. */
  failed: (error: unknown) => void
  clock: Clock
}): KmsGrpcServer {
  const { service, report, failed, clock } = options
  const server = new Server({
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_concurrent_streams': MAX_STREAMS,
    'grpc.enable_channelz': 0,
  })
  const unary =
    <Q, A>(answer: (request: Q) => KmsAnswer<A> | Promise<KmsAnswer<A>>) =>
    async ({ request }: { request: Q }, respond: sendUnaryData<A>) => {
      try {
        const answered = await answer(request)
        if (answered.outcome === 'ok') respond(null, answered.value)
        else respond({ code: CODES[answered.outcome], details: answered.reason })
      } catch (error) {
        failed(error)
        respond({ code: status.INTERNAL, details: 'internal error' })
      }
    }
  server.addService(zeroing(kmsDefinition()), {
    Status: unary(service.status),
    Encrypt: unary((request: EncryptRequest) => {
      const answer = service.encrypt(request)
      request.plaintext.fill(0)
      return answer
    }),
    Decrypt: unary(service.decrypt),
  } as UntypedServiceImplementation)
  server.addService(reportDefinition(), {
    Get: unary(() => ({ outcome: 'ok', value: report() }) as const),
  } as UntypedServiceImplementation)
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure())
  const connections = new Set<Socket>()
  return {
    serve(connection) {
      connections.add(connection)
      connection.once('close', () => connections.delete(connection))
      injector.injectConnection(connection)
    },
    async stop(graceMs) {
      injector.drain(graceMs)
      // not tryShutdown: it does not wait for sessions that are closing, and Node's http2 closes them all with the server
      const closed = [...connections].map(
        (connection) => new Promise<void>((resolve) => connection.once('close', () => resolve())),
      )
      // a session that is cut only ends its side; a client that has stalled never closes the other
      const cancel = clock.after(graceMs, () => {
        for (const connection of connections) connection.destroy()
      })
      await Promise.all(closed)
      cancel()
    },
  }
}

export interface KmsClient {
  status(): Promise<StatusResponse>
  encrypt(request: EncryptRequest): Promise<EncryptResponse>
  decrypt(request: DecryptRequest): Promise<DecryptResponse>
  report(): Promise<KmsReport>
  close(): void
}

/** Connects as kube-apiserver does: HTTP/2 in the clear, authority localhost (contracts C.5). Rejects with KMS_CALL_FAILED. */
export function connectKms(options: { path: string; deadlineMs: number; clock: Clock }): KmsClient {
  const client = new Client(`unix:${options.path}`, credentials.createInsecure(), {
    'grpc.default_authority': 'localhost',
    'grpc.use_local_subchannel_pool': 1,
  })
  const caller =
    (methods: ServiceDefinition) =>
    <A>(name: string, request: object): Promise<A> => {
      const method = methods[name]
      if (method === undefined) throw new Error(`there is no method ${name}`)
      const { path, requestSerialize, responseDeserialize } = method
      const deadline = options.clock.now() + options.deadlineMs
      return new Promise((resolve, reject) => {
        client.makeUnaryRequest(
          path,
          requestSerialize,
          responseDeserialize,
          request,
          { deadline },
          (error, answer) => {
            if (error === null) resolve(answer as A)
            else reject(callFailed(name, error))
          },
        )
      })
    }
  const [kms, reports] = [caller(kmsDefinition()), caller(reportDefinition())]
  return {
    status: () => kms('Status', {}),
    encrypt: (request) => kms('Encrypt', request),
    decrypt: (request) => kms('Decrypt', request),
    report: () => reports('Get', {}),
    close: () => client.close(),
  }
}

function callFailed(method: string, { code, details }: ServiceError): PortcullisError {
  return new PortcullisError('KMS_CALL_FAILED', `${method}: ${status[code]}: ${details}`)
}

const kmsDefinition = () => definition('api.proto', 'v2.KeyManagementService')
const reportDefinition = () => definition('report.proto', 'portcullis.kms.Report')

function definition(file: string, service: string): ServiceDefinition {
  const loaded = loadSync(join(import.meta.dirname, file), { defaults: true })
  return loaded[service] as ServiceDefinition
}

/** A decrypted seed is overwritten as soon as it stands in the message. */
function zeroing(kms: ServiceDefinition): ServiceDefinition {
  const decrypt = kms.Decrypt
  if (decrypt === undefined) return kms
  const responseSerialize = (answer: DecryptResponse) => {
    const message = decrypt.responseSerialize(answer as never)
    answer.plaintext.fill(0)
    return message
  }
  return { ...kms, Decrypt: { ...decrypt, responseSerialize: responseSerialize as never } }
}
