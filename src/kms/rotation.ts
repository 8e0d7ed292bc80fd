import type { Clock } from '../clock.ts'
import { PortcullisError } from '../errors.ts'
import type { Barbican } from './barbican.ts'
import { createKek } from './kek.ts'
import { isRefusal } from './kek-store.ts'

const POLL_MS = 500

export interface Rotation {
  readonly id: string
  readonly activatesAt: number
}

/**
 * Orders a new KEK inside Barbican, reads it once to see that it is one, and marks when it becomes current. Until
 * the mark stands, every node counts from the creation (ACTIVATION_DELAY_MS), so none can be early.
 */
export async function rotate(options: {
  barbican: Barbican
  name: string
  activateInMs: number
  /** How long Barbican may work on the order. */
  patienceMs: number
  clock: Clock
}): Promise<Rotation> {
  const { barbican, clock } = options
  const orderId = await barbican.order(options.name)
  const id = await ordered(options, orderId)
  const payload = await barbican.payload(id)
  if (isRefusal(payload))
    throw new PortcullisError('BARBICAN_REFUSED_US', `Barbican does not give out the new key ${id}`)
  createKek(id, payload)
  const activatesAt = clock.now() + options.activateInMs
  await barbican.activate(id, activatesAt)
  return { id, activatesAt }
}

async function ordered(
  { barbican, clock, patienceMs }: { barbican: Barbican; clock: Clock; patienceMs: number },
  orderId: string,
): Promise<string> {
  const end = clock.monotonic() + patienceMs
  for (;;) {
    const id = await barbican.ordered(orderId)
    if (id !== undefined) return id
    if (clock.monotonic() > end)
      throw new PortcullisError(
        'KEK_UNAVAILABLE',
        `Barbican has not carried out the order ${orderId} in time`,
      )
    await new Promise<void>((resolve) => clock.after(POLL_MS, resolve))
  }
}
