import fc from 'fast-check'
import t from 'tap'
import { createGate } from '../../src/http/gate.ts'
import { errorCode } from '../support/error-code.ts'

const RUNNING = 2
const WAITING = 3

const steps = fc.array(
  fc.record({ do: fc.constantFrom('call', 'urgent', 'end', 'fail', 'give up'), pick: fc.nat(20) }),
  { maxLength: 60 },
)

/** What the gate promises, in plain lists. */
async function followsTheModel(list: readonly { readonly do: string; readonly pick: number }[]) {
  const gate = createGate({ running: RUNNING, waiting: WAITING })
  const begun: number[] = []
  const refused: Promise<unknown>[] = []
  const calls: { work: PromiseWithResolvers<void>; controller: AbortController }[] = []
  const expected: number[] = []
  let running: number[] = []
  let waiting: { id: number; urgent: boolean }[] = []
  const begin = (id: number) => {
    running.push(id)
    expected.push(id)
  }
  for (const { do: what, pick } of list) {
    if (what === 'call' || what === 'urgent') {
      const id = calls.length
      const call = { work: Promise.withResolvers<void>(), controller: new AbortController() }
      calls.push(call)
      const run = () => {
        begun.push(id)
        return call.work.promise
      }
      const code = errorCode(gate.run(call.controller.signal, run, { ahead: what === 'urgent' }))
      if (running.length < RUNNING) begin(id)
      else if (waiting.length < WAITING) waiting.push({ id, urgent: what === 'urgent' })
      else refused.push(code)
    } else if (what === 'give up' && waiting.length > 0) {
      const { id } = waiting[pick % waiting.length] as (typeof waiting)[number]
      calls[id]?.controller.abort()
      waiting = waiting.filter((other) => other.id !== id)
    } else if (what !== 'give up' && running.length > 0) {
      const id = running[pick % running.length] as number
      if (what === 'end') calls[id]?.work.resolve()
      else calls[id]?.work.reject(new Error('failed'))
      running = running.filter((other) => other !== id)
      const next = waiting.find(({ urgent }) => urgent) ?? waiting[0]
      waiting = waiting.filter((other) => other !== next)
      if (next !== undefined) begin(next.id)
    }
    await new Promise<void>((resolve) => setImmediate(resolve))
    if (gate.running !== running.length || gate.waiting !== waiting.length) return false
    if (begun.join() !== expected.join()) return false
  }
  return (await Promise.all(refused)).every((code) => code === 'HTTP_OVERLOADED')
}

t.test('whatever ends, fails, gives up or comes, no place is lost and the order holds', async (t) => {
  await t.resolves(fc.assert(fc.asyncProperty(steps, followsTheModel), { numRuns: 100 }))
})
