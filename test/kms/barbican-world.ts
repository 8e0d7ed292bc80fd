import { PortcullisError } from '../../src/errors.ts'
import type { HttpAnswer } from '../../src/http/client.ts'
import { createBarbican } from '../../src/kms/barbican.ts'
import type { BarbicanCall } from '../../src/kms/barbican-caller.ts'
import type { Refusal } from '../../src/kms/kek-store.ts'
import { uuid } from './memory-store.ts'

export const OCTETS = 'application/octet-stream'
export const CREATED = Date.UTC(2026, 4, 1, 10, 20, 30, 123)

type Given = unknown | Refusal | Error

/** Barbican behind a caller whose answers are given one by one: JSON unless they are whole answers. */
export function behind(...answers: Given[]) {
  const calls: BarbicanCall[] = []
  const barbican = createBarbican(async (call) => {
    calls.push(call)
    const answer = answers.shift()
    if (answer instanceof Error) throw answer
    if (answer === 'gone' || answer === 'forbidden') return answer
    if (typeof answer === 'object' && answer !== null && 'status' in answer && 'headers' in answer)
      return answer as HttpAnswer
    return raw(200, 'application/json', JSON.stringify(answer) ?? '')
  })
  return { barbican, calls }
}

export const raw = (status: number, type: string | undefined, body: string | Uint8Array): HttpAnswer => ({
  status,
  headers: { 'content-type': type },
  body: Buffer.from(body as Uint8Array),
})

/** A secret as Barbican shows it: UTC without saying so, an address that is often that of the inside. */
export const shown = (number: number, more: object = {}) => ({
  secret_ref: `http://inside:9311/v1/secrets/${uuid(number)}`,
  name: 'kek',
  status: 'ACTIVE',
  created: '2026-05-01T10:20:30.123000',
  expiration: null,
  ...more,
})
export const info = (number: number, more: object = {}) => ({
  id: uuid(number),
  name: 'kek',
  active: true,
  created: CREATED,
  ...more,
})
export const refusedUs = new PortcullisError('BARBICAN_REFUSED_US', 'Barbican refuses a fresh token')
export const down = new PortcullisError('BARBICAN_SERVER_ERROR', 'Barbican answered 503')
export const badAnswer = (noun: RegExp) => ({ code: 'BARBICAN_BAD_ANSWER', message: noun })
